/** The reference implementation, asked about whole documents. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { Referee, type Surroundings } from '../../differential/dist/referee.js';
import type { UserData } from '../../differential/dist/users.js';

const demoPath = fileURLToPath(new URL('../../../../shared/statsig/demo_proj_dcs.json', import.meta.url));

/** The demo project's document; skips the test, loudly, on machines that do not have it. */
export function readDemo(test: Context): { path: string; text: string } {
  if (!existsSync(demoPath)) {
    console.log(`    NOT RUN: ${demoPath} is not there; this test compares with the reference over that document`);
    test.skip();
  }
  return { path: demoPath, text: readFileSync(demoPath, 'utf8') };
}

/** A document as plain data, as far as it is looked at here. */
export interface PlainDocument {
  readonly feature_gates: Record<string, PlainSpec>;
  readonly dynamic_configs: Record<string, PlainSpec>;
  readonly layer_configs: Record<string, PlainSpec>;
  readonly cmab_configs?: Record<string, unknown>;
  readonly param_stores?: Record<string, { readonly parameters: Record<string, unknown> }>;
  readonly condition_map: Record<string, PlainCondition>;
}

export interface PlainSpec {
  readonly entity: string;
}

export interface PlainCondition {
  readonly type: string;
  readonly field?: string | null;
  readonly targetValue?: unknown;
}

export const surroundings = (part: Partial<Surroundings> = {}): Surroundings => ({
  lists: {},
  environment: null,
  globalCustomFields: {},
  overrides: [],
  clients: [],
  isExposing: false,
  ...part,
});

/** The reference's answers for each user: `gate NAME`, `config NAME`, `experiment NAME`, `layer NAME`, `parameter STORE NAME`, `client …`. */
export async function askReference(text: string, users: readonly UserData[], around: Surroundings) {
  const document = JSON.parse(text) as PlainDocument;
  const names = {
    gates: Object.keys(document.feature_gates),
    configs: [...new Set([...Object.keys(document.dynamic_configs), ...Object.keys(document.cmab_configs ?? {})])],
    layers: Object.keys(document.layer_configs),
    stores: Object.fromEntries(
      Object.entries(document.param_stores ?? {}).map(([name, { parameters }]) => [name, Object.keys(parameters)]),
    ),
    clients: around.clients,
    isExposing: false,
  };
  const referee = new Referee();
  try {
    if (!(await referee.load(text, around))) throw new Error('the reference refuses the document');
    return await referee.ask(names, users);
  } finally {
    referee.close();
  }
}

/**
 * The document with an experiment `through NAME` for each gate, which asks for it: the reference
 * shows what a gate exposes only to who nests it. The rest keeps its spelling.
 */
export function withGatesNested(text: string): string {
  const parsed = JSON.parse(text) as PlainDocument;
  const { feature_gates: gates, dynamic_configs: configs } = parsed;
  const names = Object.keys(gates).filter((name) => configs[`through ${name}`] === undefined);
  const added =
    (section: 'condition_map' | 'dynamic_configs', entryOf: (name: string) => object) => (document: string) =>
      document.replace(new RegExp(`"${section}"\\s*:\\s*\\{`), (head) => {
        const entries = names.map((name) => `${JSON.stringify(`through ${name}`)}:${JSON.stringify(entryOf(name))}`);
        return head + entries.join(',') + (entries.length > 0 && Object.keys(parsed[section]).length > 0 ? ',' : '');
      });
  const withConditions = added('condition_map', (targetValue) => ({
    type: 'pass_gate',
    targetValue,
    idType: 'userID',
  }));
  return added('dynamic_configs', throughSpec)(withConditions(text));
}

function throughSpec(gate: string): object {
  const id = `through ${gate}`;
  const common = { idType: 'userID', defaultValue: {}, enabled: true, salt: id };
  const rule = { id, name: id, passPercentage: 100, conditions: [id], returnValue: {}, idType: 'userID' };
  return { type: 'dynamic_config', entity: 'experiment', rules: [rule], ...common };
}
