import { type Client, createClient, invalid } from '@sluice/mesh';
import {
  ConfigServiceService,
  EvaluationServiceService,
  IngestionServiceService,
  LedgerServiceService,
  MeshHealthServiceService,
  RulesetServiceService,
  type SetRef,
} from '@sluice/proto';
import type { MeshContext } from './context.js';
import type { Io } from './io.js';

/** Answers of config and evaluation grow with the ruleset. */
const receiveBytesMax = 64 * 1024 * 1024;

/** What keeps config busy for seconds when it is large. */
const importing = { importRuleset: ConfigServiceService.importRuleset } as const;
const importSilentMs = 30_000;

/** One command's use of the mesh: connections are made when first needed, and every call has a deadline. */
export class Session {
  readonly io: Io;
  readonly context: MeshContext;
  /** For each call, in milliseconds. */
  readonly timeoutMs: number;
  readonly #clients = new Map<object, Client<object>>();

  constructor(io: Io, context: MeshContext, timeoutMs: number) {
    this.io = io;
    this.context = context;
    this.timeoutMs = timeoutMs;
  }

  get config(): Client<ConfigServiceService> {
    return this.#client(ConfigServiceService, 'config');
  }

  /** For imports: config may be silent while it works on one. */
  get imports(): Client<typeof importing> {
    return this.#client(importing, 'config', importSilentMs);
  }

  get rulesets(): Client<RulesetServiceService> {
    return this.#client(RulesetServiceService, 'config');
  }

  get evaluation(): Client<EvaluationServiceService> {
    return this.#client(EvaluationServiceService, 'evaluation');
  }

  get ingestion(): Client<IngestionServiceService> {
    return this.#client(IngestionServiceService, 'ingestion');
  }

  get ledger(): Client<LedgerServiceService> {
    return this.#client(LedgerServiceService, 'ingestion');
  }

  get health(): Client<MeshHealthServiceService> {
    return this.#client(MeshHealthServiceService, 'health');
  }

  /** Options of every call. */
  get call(): { timeoutMs: number } {
    return { timeoutMs: this.timeoutMs };
  }

  /** The set that was named; absent when it is left to the scope of the key. */
  get set(): SetRef | undefined {
    const { project = '', environment = '' } = this.context;
    return project === '' && environment === '' ? undefined : { project, environment };
  }

  /** The set, for commands that must not guess. @throws SluiceError `invalid`. */
  requireSet(): SetRef {
    const { project, environment } = this.context;
    if (!project) throw invalid('--project', 'is missing; name it here, in SLUICE_PROJECT or in the context file');
    if (!environment) {
      throw invalid('--environment', 'is missing; name it here, in SLUICE_ENVIRONMENT or in the context file');
    }
    return { project, environment };
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client<D extends object>(definition: D, service: string, silentMs?: number): Client<D> {
    const known = this.#clients.get(definition);
    if (known) return known as Client<D>;
    const { consul, region, key } = this.context;
    const client = createClient(definition, {
      target: `consul:///${service}`,
      consulAddr: consul,
      region,
      key,
      maxReceiveBytes: receiveBytesMax,
      silentMs,
    });
    this.#clients.set(definition, client as Client<object>);
    return client;
  }
}
