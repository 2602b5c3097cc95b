import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyStateHash, equalHashes } from '@sluice/codec';
import { silentLogger } from '@sluice/mesh';
import type { Entity, Frame } from '@sluice/proto';
import { type Applied, Disk, Follower, Holdings, type ReplicaState } from '@sluice/replica';
import { type Fate, LossyStream, type ModelAuthority } from '../../../../packages/replica/dist/test/lossy-stream.js';
import { demo, type Model } from '../../../../packages/replica/dist/test/model.js';
import { Relay } from '../../../../services/evaluation/dist/relay.js';
import { answersOf, referenceAnswers } from './reference.js';
import { type Harm, SdkReader } from './sdk-reader.js';

/** What became of a replica's folder while it was down. */
export type DiskFate = 'whole' | 'damaged' | 'half' | 'gone';

/** A revision of one of the histories that config had. */
interface Moment {
  readonly revision: number;
  readonly stateHash: Uint8Array;
  readonly lineage?: string | undefined;
}

const nothing: Moment = { revision: 0, stateHash: emptyStateHash() };

const nameOf = ({ revision, lineage = '' }: Moment): string => `${lineage}@${revision}`;
/** What a frame proves of itself; its lineage is no part of that. */
const proofOf = ({ revision, stateHash }: Moment): string => `${revision} ${Buffer.from(stateHash).toString('hex')}`;

/** Every revision that config ever had, as the reference answers it. */
export class Past {
  readonly #entities = new Map<string, readonly Entity[]>();
  readonly #answers = new Map<string, string>();
  readonly #lineages = new Set<string>();

  note(model: Model): void {
    this.#entities.set(proofOf(model), [...model.entities.values()]);
    this.#lineages.add(model.lineage ?? '');
  }

  /** That a state answers as config's did at that revision. @throws AssertionError also when config never had it. */
  check(state: ReplicaState): void {
    const proof = proofOf(state);
    const entities = this.#entities.get(proof);
    assert(entities, `revision ${nameOf(state)} never existed`);
    const expected = this.#answers.get(proof) ?? referenceAnswers(entities);
    this.#answers.set(proof, expected);
    assert.equal(answersOf(state.program), expected, `answers at revision ${nameOf(state)}`);
  }

  /**
   * Whether one that holds this may go on with that. Of a later history every number will do; a
   * lineage that never was is a damaged one, which says nothing until config corrects it.
   */
  isOnward(from: Moment, to: Moment): boolean {
    const [before = '', after = ''] = [from.lineage, to.lineage];
    if (!this.#lineages.has(before) || !this.#lineages.has(after)) return true;
    return before === after ? to.revision >= from.revision : after > before;
  }
}

/** Somebody who asks any replica, and shows each the newest revision that any has answered by. */
export class Asker {
  #token = nothing;

  /** @returns whether there was an answer: a replica that is behind gives none. */
  async ask(replica: FleetMember, past: Past): Promise<boolean> {
    const { holdings } = replica;
    // A token is of one history: in another one its number says nothing.
    const isOfToken = holdings?.get(demo)?.lineage === this.#token.lineage;
    if (!holdings || !(await holdings.waitFor(demo, isOfToken ? this.#token.revision : 0, 10))) return false;
    const state = holdings.get(demo);
    if (!state || (!isOfToken && !past.isOnward(this.#token, state))) return false;
    assert(past.isOnward(this.#token, state), `a client went back from ${nameOf(this.#token)} to ${nameOf(state)}`);
    this.#token = state;
    past.check(state);
    return true;
  }
}

/** What is known of a replica since its start. */
interface Life {
  newest: Moment;
  readonly relay: Relay;
}

/** One replica over all its lives, with a stream of its own to config and an SDK that follows it in turn. */
export class FleetMember {
  readonly stream = new LossyStream();
  readonly #authority: ModelAuthority;
  readonly #past: Past;
  readonly #faults: unknown[] = [];
  #life: { holdings: Holdings; follower: Follower; relay: Relay } | undefined;
  #directory = '';
  /** An SDK that follows this replica's relay; it outlives the replica. */
  readonly #sdk: SdkReader;
  #sdkHeld = nothing;

  constructor(authority: ModelAuthority, past: Past) {
    this.#authority = authority;
    this.#past = past;
    this.#sdk = new SdkReader((state) => this.#noteSdk(state));
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
    const relay = new Relay(holdings);
    const life: Life = { newest: nothing, relay };
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
    this.#life = { holdings, follower, relay };
    await follower.start();
    this.#sdk.read(holdings, relay);
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
    this.#life?.relay.close();
    this.#life = undefined;
    await this.#sdk.cut();
    await follower.close();
    if (isKilled) await rm(left, { recursive: true, force: true });
    await harm(this.#directory, disk, seed);
  }

  /** The SDK's stream is reset; it connects again. */
  async reconnect(): Promise<void> {
    await this.#sdk.cut();
    if (this.#life) this.#sdk.read(this.#life.holdings, this.#life.relay);
  }

  /** What the SDK is told next does not come as it should. */
  spoil(harm: Harm): void {
    this.#sdk.spoil(harm);
  }

  async remove(): Promise<void> {
    await this.#sdk.cut();
    this.#life?.relay.close();
    await this.#life?.follower.close();
    if (this.#directory !== '') await rm(this.#directory, { recursive: true, force: true });
  }

  /** Holds what config holds, and so does whoever follows. */
  isEven({ revision, stateHash, lineage }: Model): boolean {
    const held = this.holdings?.get(demo);
    return [held, this.#sdk.state].every(
      (each) => each?.revision === revision && each.lineage === lineage && equalHashes(each.stateHash, stateHash),
    );
  }

  /** @throws the first thing that was wrong in any of its lives. */
  check(): void {
    const [fault] = this.#faults;
    if (fault !== undefined) throw fault;
    for (const held of [this.holdings?.get(demo), this.#sdk.state]) {
      assert(held);
      this.#past.check(held);
    }
  }

  /** Thrown at once it would look like a fault of the source, so what is wrong is kept for the end. */
  #note(applied: Applied, life: Life): void {
    try {
      const { state } = applied;
      assert(this.#past.isOnward(life.newest, state), `went back from ${nameOf(life.newest)} to ${nameOf(state)}`);
      life.newest = state;
      this.#past.check(state);
    } catch (error) {
      this.#faults.push(error);
    }
    life.relay.add(applied);
  }

  #noteSdk(state: ReplicaState): void {
    try {
      const from = this.#sdkHeld;
      assert(this.#past.isOnward(from, state), `an SDK went back from ${nameOf(from)} to ${nameOf(state)}`);
      this.#sdkHeld = state;
      this.#past.check(state);
    } catch (error) {
      this.#faults.push(error);
    }
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
