import { type Instance, type Logger, listInstances, type Scope, watchService } from '@sluice/mesh';

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
 * Follows every service in Consul, the sick instances too. A blocking query that hangs looks like
 * one that has nothing to say, so a plain question each second tells whether the watch is to be believed.
 */
export class ConsulWatch {
  readonly #options: ConsulWatchOptions;
  #fault: string | undefined = 'Consul was not asked yet';
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConsulWatchOptions) {
    this.#options = options;
  }

  /** Why Consul can't be asked; undefined while it can. */
  get fault(): string | undefined {
    return this.#fault;
  }

  start(scope: Scope): void {
    const { consulAddr, onInstances } = this.#options;
    for (const service of serviceNames) {
      const release = watchService({ consulAddr, service, isAllWanted: true }, (instances) => {
        if (!this.#isStopped) onInstances(service, instances);
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
    const fault = await this.#ask();
    if (this.#isStopped) return;
    const { logger, consulAddr } = this.#options;
    if (fault !== undefined && this.#fault !== fault)
      logger.warn({ consulAddr, reason: fault }, 'Consul can not be asked');
    if (fault === undefined && this.#fault !== undefined) logger.info({ consulAddr }, 'Consul answers');
    this.#fault = fault;
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
