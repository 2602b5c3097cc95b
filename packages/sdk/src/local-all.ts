import { type Context, kindOfEntity, openSession, type User } from '@sluice/engine';
import type { AllAnswers, ConfigAnswer, GateAnswer, LayerAnswer } from './answer.js';
import type { Held } from './held.js';
import { LocalConfig, LocalGate, LocalLayer } from './local-answer.js';

/** Every decision of a ruleset for one user, as answers; what is known about the user is worked out once. */
export function answerAll(held: Held, user: User, context: Context): AllAnswers {
  const { program, revision } = held;
  const { ruleset } = program;
  const session = openSession(program, user, context);
  const gates = new Map<string, GateAnswer>();
  for (const name of ruleset.gates.keys()) gates.set(name, new LocalGate(session.gate(name), held));
  const configs = new Map<string, ConfigAnswer>();
  for (const [name, { entity }] of ruleset.configs) {
    configs.set(name, new LocalConfig(session.config(name, kindOfEntity(entity)), held));
  }
  // Bandits that no config of their name announces.
  for (const name of ruleset.cmabs.keys()) {
    if (!configs.has(name)) configs.set(name, new LocalConfig(session.config(name, 'experiment'), held));
  }
  const layers = new Map<string, LayerAnswer>();
  for (const name of ruleset.layers.keys()) layers.set(name, new LocalLayer(session.layer(name), held, undefined));
  return { revision, gates, configs, layers };
}
