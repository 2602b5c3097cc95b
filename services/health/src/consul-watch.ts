import { type Instance, type Logger, listInstances, type Scope, watchRegions } from '@sluice/mesh';

/** The services of the mesh, by their names in Consul. */
export const serviceNames = ['config', 'evaluation', 'health', 'ingestion'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ConsulWatchOptions {
  readonly consulAddr: string;
  readonly logger: Logger;
  readonly onInstances: (service: ServiceName, instances: readonly Instance[]) => void;
}

/** How often Consul is asked for a sign of life, in milliseconds. */
const heartbeatMs = 1_000;

/**
 * Follows every service in Consul, in all regions, the sick instances too. A blocking query that hangs looks like
 * one that has nothing to say, so a plain question each second tells whether the watch is to be believed.
 */
export class ConsulWatch {
  readonly #options: ConsulWatchOptions;
  #fault: string | undefined = 'Consul was not asked yet';
  #isAsked = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConsulWatchOptions) {
    this.#options = options;
  }

  /** Why Consul can't be asked; undefined while it can. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The same, but nothing before the first answer: whoever starts has seen no fault yet. */
  get seenFault(): string | undefined {
    return this.#isAsked ? this.#fault : undefined;
  }

  /** Whether Consul was asked since the start. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  start(scope: Scope): void {
    const { consulAddr, onInstances } = this.#options;
    for (const service of serviceNames) {
      const onError = (): void => undefined;
      const release = watchRegions({ consulAddr, service, isAllWanted: true, onError }, ({ home, away }) => {
        if (!this.#isStopped) onInstances(service, [...home, ...away]);
      });
      scope.push(`watch of ${service}`, release);
    }
    scope.push('watch of Consul', () => {
      this.#isStopped = true;
      clearTimeout(this.#timer);
    });
    void this.#beat();
  }

  async #beat(): Promise<void> {
    let fault = await this.#ask();
    // While a process starts it may be too busy itself to take the answer in time.
    if (fault !== undefined && !this.#isAsked) fault = await this.#ask();
    if (this.#isStopped) return;
    const { logger, consulAddr } = this.#options;
    if (fault !== undefined && this.#fault !== fault)
      logger.warn({ consulAddr, reason: fault }, 'Consul can not be asked');
    if (fault === undefined && this.#fault !== undefined) logger.info({ consulAddr }, 'Consul answers');
    this.#fault = fault;
    this.#isAsked = true;
    this.#timer = setTimeout(() => void this.#beat(), heartbeatMs);
  }

  async #ask(): Promise<string | undefined> {
    try {
      await listInstances(this.#options.consulAddr, 'health');
      return undefined;
    } catch (error) {
      return error instanceof Error && error.message !== '' ? error.message : 'no answer';
    }
  }
}
