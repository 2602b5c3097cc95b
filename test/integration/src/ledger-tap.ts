/** Listens to what goes to the log and what the log answers: whether it keeps a message that it has already. */
import { EventBatch } from '@sluice/proto';
import type { Msg, NatsConnection } from 'nats';

/** What is remembered; more than a run sends. */
const messagesMax = 100_000;

export class LogTap {
  messages = 0;
  /** Repeats that the log kept. */
  keptTwice = 0;
  /** What a message holds, by where its answer goes. */
  readonly #asked = new Map<string, string>();
  /** Where the log put a message, by its stream and what it holds. */
  readonly #kept = new Map<string, number>();

  listen(nats: NatsConnection): void {
    for (const subject of ['events.v1.>', 'events-2.v1.>', 'events-3.v1.>']) {
      nats.subscribe(subject, { callback: (_, message) => this.#noteMessage(message) });
    }
    nats.subscribe('_INBOX.>', { callback: (_, message) => this.#noteAnswer(message) });
    void this.#forgetWith(nats);
  }

  /** A log that starts again knows only the repeats of what it still holds. */
  async #forgetWith(nats: NatsConnection): Promise<void> {
    for await (const { type } of nats.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue;
      this.#asked.clear();
      this.#kept.clear();
    }
  }

  #noteMessage({ reply, data }: Msg): void {
    this.messages++;
    const ids = EventBatch.decode(data).events.map(({ id }) => id);
    if (reply && ids.length > 0 && this.#asked.size < messagesMax) this.#asked.set(reply, ids.join());
  }

  #noteAnswer({ subject, data }: Msg): void {
    const held = this.#asked.get(subject);
    if (held === undefined) return;
    const { stream, seq, duplicate } = JSON.parse(Buffer.from(data).toString()) as Record<string, unknown>;
    if (typeof seq !== 'number' || duplicate === true) return;
    const place = `${stream} ${held}`;
    const before = this.#kept.get(place);
    if (before !== undefined && before !== seq) this.keptTwice++;
    this.#kept.set(place, seq);
  }
}
