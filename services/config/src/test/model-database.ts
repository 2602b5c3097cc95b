/**
 * The part of config's tables that its reading side looks at, in memory: for tests of what is
 * asked of the database how often, and of what becomes of a database that fails or goes back in time.
 */
import { encodeEntity, sectionOf } from '@sluice/codec';
import type { Database, Statement, Transaction } from '@sluice/postgres';
import { Frame, type SetRef } from '@sluice/proto';
import type { Advance, Head, Plan } from '../head.js';
import { advance } from '../head.js';
import { setKey } from '../names.js';
import type { OutboxRow } from '../outbox.js';
import { emptyHead } from './heads.js';

export const shop: SetRef = { project: 'shop', environment: 'test' };

/** One set with its history. */
export interface ModelSet {
  head: Head;
  frames: Frame[];
}

export function emptySet(): ModelSet {
  return { head: emptyHead, frames: [] };
}

/** Makes the next revision of a set. */
export function commit(model: ModelSet, plan: Plan, nowMs: number, set = shop): Frame {
  const before = model.head;
  const change = advance(before, plan, { author: 'ada', nowMs });
  const frame = frameOf(set, before, change);
  model.head = change.head;
  model.frames.push(frame);
  return frame;
}

function frameOf(set: SetRef, before: Head, { head, upserts, deletions }: Advance): Frame {
  return Frame.fromPartial({
    ...{ set, revision: head.revision, previousRevision: before.revision, committedAtMs: head.committedAtMs },
    stateHash: Buffer.from(head.stateHash),
    previousStateHash: before.revision === 0 ? Buffer.alloc(0) : Buffer.from(before.stateHash),
    ...{ upserts: [...upserts], deletions: [...deletions] },
  });
}

type Answer = (values: readonly unknown[]) => object[];

export class ModelDatabase implements Database {
  readonly sets = new Map<string, ModelSet>();
  /** Rows of `config.sdk_key`. */
  keys: object[] = [];
  /** Rows of `config.outbox` that were not sent. */
  outbox: OutboxRow[] = [];
  /** What each pruning of the outbox was told. */
  readonly pruned: (readonly unknown[])[] = [];
  /** How often each statement ran, by its name without the prefix. */
  readonly runs = new Map<string, number>();
  /** What the next statements wait for, or are refused with. */
  fault: (() => Promise<void>) | undefined;
  readonly #listeners = new Map<string, (payload: string) => void>();
  readonly #answers: Readonly<Record<string, Answer>> = {
    select_set: (values) => this.#rowOf(values),
    lock_set: (values) => this.#rowOf(values),
    select_lineage: (values) =>
      this.#rowOf(values).length > 0 ? [{ at: new Date(0), hash: Buffer.alloc(32, 1) }] : [],
    select_frames: ([project, environment, after, limit]) =>
      (this.sets.get(`${project}/${environment}`)?.frames ?? [])
        .filter(({ revision }) => revision > Number(after))
        .toReversed()
        .slice(0, Number(limit))
        .map((frame) => ({ frame: Buffer.from(Frame.encode(frame).finish()) })),
    select_entities: ([project, environment]) => {
      const held = this.sets.get(`${project}/${environment}`)?.head.entities.values() ?? [];
      return Array.from(held, (one) => ({
        ...{ section: sectionOf(one.entity), body: Buffer.from(encodeEntity(one.entity).bytes) },
        ...{ changed_in_revision: BigInt(one.changedInRevision), changed_at: new Date(one.changedAtMs) },
        ...{ changed_by: one.changedBy, highest_version: one.highestVersion },
      }));
    },
    select_keys: () => this.keys,
    limit_idle: () => [],
    try_publish_lock: () => [{ locked: true }],
    select_unsent: ([limit]) => this.outbox.slice(0, Number(limit)),
    update_sent: ([positions]) => {
      this.outbox = this.outbox.filter(({ position }) => !(positions as string[]).includes(String(position)));
      return [];
    },
    prune_frames: (values) => {
      this.pruned.push(values);
      return [];
    },
    allow_thinking: () => [],
  };

  /** The set with a model of its own. */
  add(set: SetRef = shop, model = emptySet()): ModelSet {
    this.sets.set(setKey(set), model);
    return model;
  }

  count(name: string): number {
    return this.runs.get(name) ?? 0;
  }

  notify(channel: string, payload: string): void {
    this.#listeners.get(channel)?.(payload);
  }

  async query<Row extends object>({ name }: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const known = name.replace(/^config_/, '');
    const answer = this.#answers[known];
    if (!answer) throw new Error(`the model knows no statement ${name}`);
    this.runs.set(known, this.count(known) + 1);
    // What a statement sees is what was there when it began.
    const rows = answer(values) as Row[];
    await this.fault?.();
    return rows;
  }

  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    const refuse = (): never => {
      throw new Error('the model takes statements only');
    };
    return run({ query: (statement, values) => this.query(statement, values), script: refuse, copy: refuse });
  }

  snapshot<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.transaction(run);
  }

  async listen(channel: string, onNotify: (payload: string) => void) {
    this.#listeners.set(channel, onNotify);
    return () => void this.#listeners.delete(channel);
  }

  async isReady(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  #rowOf([project, environment]: readonly unknown[]): object[] {
    const head = this.sets.get(`${project}/${environment}`)?.head;
    if (!head) return [];
    const { revision, stateHash, committedAtMs } = head;
    const row = {
      revision: BigInt(revision),
      state_hash: Buffer.from(stateHash),
      committed_at: new Date(committedAtMs),
    };
    return [{ project, name: environment, ...row }];
  }
}
