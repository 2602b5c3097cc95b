import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';

const asIs = (bytes: Buffer): Buffer => bytes;

/** One method of one server, called with bytes that were encoded before: the load costs the same whoever answers. */
export class Caller {
  readonly #client: Client;
  readonly #path: string;
  readonly #request: Buffer;
  readonly #metadata = new Metadata();

  constructor(address: string, path: string, request: Buffer, key?: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': -1,
    });
    this.#path = path;
    this.#request = request;
    if (key !== undefined) this.#metadata.set('authorization', `Bearer ${key}`);
  }

  /** One call; resolves with the answer's bytes. */
  call(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + 30_000 };
      this.#client.makeUnaryRequest(this.#path, asIs, asIs, this.#request, this.#metadata, options, (error, answer) => {
        if (error) reject(error);
        else resolve(answer ?? Buffer.alloc(0));
      });
    });
  }

  /** Calls with `inFlight` at a time for `forMs`. @returns calls per second. */
  async saturate(forMs: number, inFlight: number): Promise<number> {
    const started = performance.now();
    let calls = 0;
    const lane = async (): Promise<void> => {
      while (performance.now() - started < forMs) {
        await this.call();
        calls++;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return (calls * 1000) / (performance.now() - started);
  }

  /** Messages on one stream with `inFlight` at a time for `forMs`. @returns messages per second. */
  async stream(forMs: number, inFlight: number): Promise<number> {
    const stream: ClientDuplexStream<Buffer, Buffer> = this.#client.makeBidiStreamRequest(
      this.#path,
      asIs,
      asIs,
      this.#metadata,
    );
    const started = performance.now();
    let answers = 0;
    await new Promise<void>((resolve, reject) => {
      stream.on('data', () => {
        answers++;
        if (performance.now() - started < forMs) stream.write(this.#request);
        else stream.end();
      });
      stream.on('end', resolve);
      stream.on('error', reject);
      for (let i = 0; i < inFlight; i++) stream.write(this.#request);
    });
    return (answers * 1000) / (performance.now() - started);
  }

  /**
   * Calls at a fixed rate, whether or not earlier ones were answered.
   * @returns the latency of each in milliseconds, from the time it was due.
   */
  async openLoop(forMs: number, perSecond: number): Promise<number[]> {
    const latencies: number[] = [];
    const started = performance.now();
    const pending: Promise<void>[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    let sent = 0;
    const timer = setInterval(() => {
      const elapsed = performance.now() - started;
      for (; sent < (Math.min(elapsed, forMs) * perSecond) / 1000; sent++) {
        const due = started + (sent * 1000) / perSecond;
        pending.push(this.call().then(() => void latencies.push(performance.now() - due)));
      }
      if (elapsed >= forMs) resolve();
    }, 1);
    await promise;
    clearInterval(timer);
    await Promise.all(pending);
    return latencies;
  }

  close(): void {
    this.#client.close();
  }
}

/** The value below which the given share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
