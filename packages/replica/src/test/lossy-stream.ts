import { notFound, type Release, unavailable } from '@sluice/mesh';
import { type Frame, type SetRef, SetState } from '@sluice/proto';
import type { Authority } from '../authority.js';
import { type FrameMessage, type FrameSource, subjectOf } from '../frame-source.js';
import { bytesOf, type Model } from './model.js';

/** What happens to a frame on its way. */
export type Fate = 'arrives' | 'is lost' | 'comes twice' | 'comes late' | 'is damaged' | 'is elided';

interface Reader {
  readonly subjects: string;
  readonly deliver: 'last_per_subject' | 'all';
  readonly onMessage: (message: FrameMessage) => void;
  readonly onReset: () => void;
}

/** A stream in memory that keeps its messages, and delivers them as badly as it is told to. */
export class LossyStream implements FrameSource {
  isUp = true;
  readonly #kept: FrameMessage[] = [];
  readonly #readers = new Set<Reader>();
  #late: FrameMessage[] = [];

  isConnected(): boolean {
    return this.isUp;
  }

  follow(
    { subjects, deliver }: { subjects: string; deliver: 'last_per_subject' | 'all' },
    onMessage: (message: FrameMessage) => void,
    onReset: () => void,
  ): Release {
    const reader: Reader = { subjects, deliver, onMessage, onReset };
    this.#readers.add(reader);
    queueMicrotask(() => this.#begin(reader));
    return () => void this.#readers.delete(reader);
  }

  publish(frame: Frame, fate: Fate, seed = 0): void {
    const subject = frame.set ? subjectOf(frame.set) : '';
    const elided = { ...frame, upserts: [], deletions: [], isElided: true };
    const message = { subject, data: bytesOf(fate === 'is elided' ? elided : frame), traceparent: undefined };
    this.#kept.push(message);
    if (!this.isUp || fate === 'is lost') return;
    if (fate === 'comes late') {
      this.#late.push(message);
      return;
    }
    this.#send(fate === 'is damaged' ? { ...message, data: damaged(message.data, seed) } : message);
    if (fate === 'comes twice') this.#send(message);
    for (const late of this.#late.splice(0)) this.#send(late);
  }

  /** The connection was lost and made again: every reader starts over. */
  reset(): void {
    this.isUp = true;
    for (const reader of [...this.#readers]) this.#begin(reader);
  }

  #begin(reader: Reader): void {
    if (!this.isUp || !this.#readers.has(reader)) return;
    reader.onReset();
    const matching = this.#kept.filter(({ subject }) => matches(reader, subject));
    const last = new Map(matching.map((message) => [message.subject, message]));
    for (const message of reader.deliver === 'all' ? matching.slice(-64) : last.values()) reader.onMessage(message);
  }

  #send(message: FrameMessage): void {
    for (const reader of [...this.#readers]) if (matches(reader, message.subject)) reader.onMessage(message);
  }
}

function matches({ subjects }: Reader, subject: string): boolean {
  return subjects === subject || subjects.endsWith('.>');
}

/** One to three bits are flipped. */
function damaged(data: Uint8Array, seed: number): Uint8Array {
  const copy = Uint8Array.from(data);
  for (let flips = 0; flips <= seed % 3; flips++) {
    const at = (seed * (flips + 1) + flips) % copy.length;
    copy[at] = (copy[at] ?? 0) ^ (1 << ((seed + flips) % 8));
  }
  return copy;
}

/** Config's gRPC side over models; down when told so. */
export class ModelAuthority implements Authority {
  isUp = true;
  fetches = 0;
  #models: readonly Model[];

  constructor(models: readonly Model[]) {
    this.#models = models;
  }

  async listSets(): Promise<readonly SetState[]> {
    this.#requireUp();
    return this.#models.filter(({ revision }) => revision > 0).map((model) => SetState.fromPartial(model.state()));
  }

  async fetchSnapshot(set: SetRef): Promise<Uint8Array> {
    this.#requireUp();
    const model = this.#models.find((each) => subjectOf(each.set) === subjectOf(set));
    if (!model) throw notFound('set', 'is unknown');
    this.fetches++;
    return bytesOf(model.snapshot());
  }

  /** The database was made anew: these are the sets from now on. */
  replace(models: readonly Model[]): void {
    this.#models = models;
  }

  close(): void {}

  #requireUp(): void {
    if (!this.isUp) throw unavailable('config is down');
  }
}

/** Polls a condition until it holds. */
export async function eventually(condition: () => boolean, what: string, withinMs = 5_000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > until) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
