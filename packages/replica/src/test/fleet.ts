import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equalHashes } from '@sluice/codec';
import { silentLogger } from '@sluice/mesh';
import type { Entity, Frame } from '@sluice/proto';
import { Disk } from '../disk.js';
import { type Applied, Follower } from '../follower.js';
import { Holdings } from '../holdings.js';
import { readFrame } from '../raw-frame.js';
import { applyFrame, emptyState, type ReplicaState, snapshotFrame } from '../replica.js';
import { type Fate, LossyStream, type ModelAuthority } from './lossy-stream.js';
import { demo, type Model } from './model.js';
import { answersOf, referenceAnswers } from './random-entities.js';

/** What became of a replica's folder while it was down. */
export type DiskFate = 'whole' | 'damaged' | 'half' | 'gone';

/** Every revision that config ever had, as the reference answers it. */
export class Past {
  readonly #entities = new Map<number, readonly Entity[]>();
  readonly #answers = new Map<number, string>();

  note({ revision, entities }: Model): void {
    this.#entities.set(revision, [...entities.values()]);
  }

  /** @throws AssertionError when config never had that revision. */
  answersAt(revision: number): string {
    const entities = this.#entities.get(revision);
    assert(entities, `revision ${revision} never existed`);
    const known = this.#answers.get(revision) ?? referenceAnswers(entities);
    this.#answers.set(revision, known);
    return known;
  }
}

/** Somebody who asks any replica, and shows each the newest revision that any has answered by. */
export class Asker {
  #token = 0;

  /** @returns whether there was an answer: a replica that is behind gives none. */
  async ask(replica: FleetMember, past: Past): Promise<boolean> {
    const { holdings } = replica;
    if (!holdings || !(await holdings.waitFor(demo, this.#token, 10))) return false;
    const state = holdings.get(demo);
    if (!state) return false;
    assert(state.revision >= this.#token, `a client went back from revision ${this.#token} to ${state.revision}`);
    this.#token = state.revision;
    assert.equal(answersOf(state.program), past.answersAt(state.revision), `answers at revision ${state.revision}`);
    return true;
  }
}

/** One replica over all its lives, with a stream of its own to config and one who follows it in turn. */
export class FleetMember {
  readonly stream = new LossyStream();
  readonly #authority: ModelAuthority;
  readonly #past: Past;
  readonly #faults: unknown[] = [];
  #life: { holdings: Holdings; follower: Follower } | undefined;
  #directory = '';
  /** What an SDK holds that follows this replica's relay; it outlives the replica. */
  #downstream: ReplicaState = emptyState(demo);

  constructor(authority: ModelAuthority, past: Past) {
    this.#authority = authority;
    this.#past = past;
  }

  /** Undefined while it is down. */
  get holdings(): Holdings | undefined {
    return this.#life?.holdings;
  }

  publish(frame: Frame, fate: Fate, seed: number): void {
    this.stream.publish(frame, fate, seed);
  }

  async start(): Promise<void> {
    if (this.#life) return;
    if (this.#directory === '') this.#directory = await mkdtemp(join(tmpdir(), 'sluice-fleet-'));
    const holdings = new Holdings();
    const life = { newest: 0 };
    const follower = new Follower({
      holdings,
      disk: new Disk({ directory: this.#directory, logger: silentLogger, restMs: 1 }),
      source: this.stream,
      authority: this.#authority,
      logger: silentLogger,
      onApplied: (applied) => this.#note(applied, life),
      pollMs: 20,
      pollWithoutStreamMs: 20,
    });
    this.#life = { holdings, follower };
    await follower.start();
  }

  /** A kill leaves on disk what was there at that moment; a clean stop writes the newest first. */
  async stop(isKilled: boolean, disk: DiskFate, seed: number): Promise<void> {
    const { follower } = this.#life ?? {};
    if (!follower) return;
    const left = this.#directory;
    if (isKilled) {
      this.#directory = await mkdtemp(join(tmpdir(), 'sluice-fleet-'));
      await copyFolder(left, this.#directory);
    }
    this.#life = undefined;
    await follower.close();
    if (isKilled) await rm(left, { recursive: true, force: true });
    await harm(this.#directory, disk, seed);
  }

  async remove(): Promise<void> {
    await this.#life?.follower.close();
    if (this.#directory !== '') await rm(this.#directory, { recursive: true, force: true });
  }

  /** Holds what config holds, and so does whoever follows. */
  isEven({ revision, stateHash }: Model): boolean {
    const held = this.holdings?.get(demo);
    return [held, this.#downstream].every(
      (each) => each?.revision === revision && equalHashes(each.stateHash, stateHash),
    );
  }

  /** @throws the first thing that was wrong in any of its lives. */
  answers(): string {
    const [fault] = this.#faults;
    if (fault !== undefined) throw fault;
    const held = this.holdings?.get(demo);
    assert(held);
    assert.equal(answersOf(this.#downstream.program), answersOf(held.program));
    return answersOf(held.program);
  }

  /** Thrown at once it would look like a fault of the source, so what is wrong is kept for the end. */
  #note(applied: Applied, life: { newest: number }): void {
    try {
      const { revision, program } = applied.state;
      assert(revision >= life.newest, `went back from ${life.newest} to ${revision}`);
      life.newest = revision;
      assert.equal(answersOf(program), this.#past.answersAt(revision), `answers at revision ${revision}`);
      this.#relay(applied);
    } catch (error) {
      this.#faults.push(error);
    }
  }

  #relay({ delta, state }: Applied): void {
    const outcome = applyFrame(this.#downstream, readFrame(delta.bytes));
    if (outcome.kind === 'applied') this.#downstream = outcome.state;
    if (outcome.kind !== 'gap' && outcome.kind !== 'mismatch') return;
    const whole = applyFrame(this.#downstream, readFrame(snapshotFrame(state).bytes));
    assert(whole.kind === 'applied' || whole.kind === 'ignored', whole.kind);
    if (whole.kind === 'applied') this.#downstream = whole.state;
  }
}

/** As a crash finds it: files may vanish or be replaced while one looks. */
async function copyFolder(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await cp(join(from, name), join(to, name)).catch(() => undefined);
}

async function harm(directory: string, fate: DiskFate, seed: number): Promise<void> {
  if (fate === 'whole') return;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (fate === 'gone') {
      await rm(path, { force: true });
      continue;
    }
    const bytes = await readFile(path);
    if (bytes.length === 0) continue;
    const at = seed % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (seed % 8));
    await writeFile(path, fate === 'half' ? bytes.subarray(0, at) : bytes);
  }
}
