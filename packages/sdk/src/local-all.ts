import { type Context, evaluateAll, evaluateConfig, type User } from '@sluice/engine';
import type { AllAnswers, ConfigAnswer, GateAnswer, LayerAnswer } from './answer.js';
import type { Held } from './held.js';
import { LocalConfig, LocalGate, LocalLayer } from './local-answer.js';

/** Every decision of a ruleset for one user, as answers. */
export function answerAll(held: Held, user: User, context: Context): AllAnswers {
  const { program } = held;
  const decisions = evaluateAll(program, user, context);
  const gates = new Map<string, GateAnswer>();
  for (const [name, decision] of decisions.gates) gates.set(name, new LocalGate(decision, held));
  const configs = new Map<string, ConfigAnswer>();
  for (const [name, decision] of decisions.configs) configs.set(name, new LocalConfig(decision, held));
  // Bandits that no config of their name announces.
  for (const name of program.ruleset.cmabs.keys()) {
    if (configs.has(name)) continue;
    configs.set(name, new LocalConfig(evaluateConfig(program, name, user, context, 'experiment'), held));
  }
  const layers = new Map<string, LayerAnswer>();
  for (const [name, decision] of decisions.layers) layers.set(name, new LocalLayer(decision, held, undefined));
  return { revision: held.revision, gates, configs, layers };
}
