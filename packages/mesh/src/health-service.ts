import { type ServerWritableStream, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { type HealthCheckRequest, HealthCheckResponse_ServingStatus as Status } from '@sluice/proto';

type WatchCall = ServerWritableStream<HealthCheckRequest, { status: Status }>;

/** The state behind `grpc.health.v1`: one truth for the whole process, also under each service's name. */
export class HealthState {
  #status: Status = Status.NOT_SERVING;
  readonly #names: ReadonlySet<string>;
  /** Who watches, and whether the name they asked for is one of ours. */
  readonly #watchers = new Map<WatchCall, boolean>();

  /** `names`: full names of the services that this process answers for. */
  constructor(names: readonly string[]) {
    this.#names = new Set(['', ...names]);
  }

  get isServing(): boolean {
    return this.#status === Status.SERVING;
  }

  set(isServing: boolean): void {
    const next = isServing ? Status.SERVING : Status.NOT_SERVING;
    if (next === this.#status) return;
    this.#status = next;
    for (const [watcher, isKnown] of this.#watchers) if (isKnown) watcher.write({ status: next });
  }

  /** Ends every watch, so that a server can stop. */
  close(): void {
    for (const watcher of this.#watchers.keys()) watcher.end();
    this.#watchers.clear();
  }

  /** Handlers of `grpc.health.v1.Health`. They ask for no key: kubelets and Consul have none. */
  implementation(): UntypedServiceImplementation {
    return {
      check: (call: { request: HealthCheckRequest }, callback: (error: unknown, value?: unknown) => void) => {
        if (this.#names.has(call.request.service)) callback(null, { status: this.#status });
        else
          callback({
            code: status.NOT_FOUND,
            details: `This process has no service ${call.request.service}.`,
          });
      },
      watch: (call: WatchCall) => {
        const isKnown = this.#names.has(call.request.service);
        call.write({ status: isKnown ? this.#status : Status.SERVICE_UNKNOWN });
        this.#watchers.set(call, isKnown);
        call.on('cancelled', () => this.#watchers.delete(call));
      },
    } as unknown as UntypedServiceImplementation;
  }
}
