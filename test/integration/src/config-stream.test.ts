import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Bus, connectBus } from '@sluice/bus';
import { hashEntities } from '@sluice/codec';
import { type Release, silentLogger } from '@sluice/mesh';
import { type Database, openDatabase } from '@sluice/postgres';
import { Ack, Frame, type SetRef, type WatchRulesetResponse } from '@sluice/proto';
import { eventually, type Servers, startServers } from '@sluice/testkit';
import {
  type Authority,
  type Caller,
  freshDatabase,
  gateOf,
  importInto,
  rollOut,
  ruleOf,
  snapshotOf,
  startAuthority,
  timeoutMs,
} from './authority.js';

let servers: Servers;
/** The set of the test that runs: each has its own, because the bus is shared. */
let set: SetRef = { project: '', environment: 'production' };
let houses = 0;

before(async () => {
  servers = await startServers({ postgres: true, nats: true });
});

after(() => servers?.stop());

const checkout = gateOf('checkout', [ruleOf('everyone', 0)]);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Every frame must carry on exactly where the one before it ended. */
function assertChain(frames: readonly Frame[]): void {
  frames.forEach((frame, i) => {
    const before = frames[i - 1];
    if (!before) return;
    assert.equal(frame.previousRevision, before.revision);
    assert.equal(hex(frame.previousStateHash), hex(before.stateHash));
  });
}

interface House {
  readonly bus: Bus;
  readonly database: Database;
  /** What arrived on the bus for the test's set, in order, without what came twice. */
  readonly frames: Frame[];
  start(instance: string): Promise<Authority>;
}

/** An empty database, and somebody who listens to the bus. */
async function withHouse(use: (house: House) => Promise<void>): Promise<void> {
  houses += 1;
  set = { project: `storefront-${houses}`, environment: 'production' };
  const databaseUrl = await freshDatabase(servers);
  const bus = await connectBus({ url: servers.natsUrl, name: 'test', logger: silentLogger });
  const database = await openDatabase({ url: databaseUrl, applicationName: 'test', logger: silentLogger });
  const frames: Frame[] = [];
  const release = collectFrames(bus, set.project, frames);
  const authorities: Authority[] = [];
  const start = async (instance: string): Promise<Authority> => {
    const authority = await startAuthority(servers, databaseUrl, instance);
    authorities.push(authority);
    return authority;
  };
  try {
    await use({ bus, database, frames, start });
  } finally {
    await release();
    await Promise.all(authorities.map((authority) => authority.stop()));
    await bus.close();
    await database.close();
  }
}

function collectFrames(bus: Bus, project: string, frames: Frame[]): Release {
  const listen = { stream: 'RULESETS', durable: project, batchMax: 100, lingerMs: 1, ackWaitMs: 30_000 };
  return bus.work(listen, async (messages) => {
    for (const message of messages) {
      const frame = Frame.decode(message.data);
      const isNew = frame.revision > (frames.at(-1)?.revision ?? 0);
      if (frame.set?.project === project && isNew) frames.push(frame);
      await message.ack();
    }
  });
}

/** Reads a watch until `isEnough`, then hangs up. */
async function watch(
  { rulesets }: Caller,
  from: { revision: number; stateHash: Uint8Array },
  isEnough: (frames: readonly Frame[], heartbeats: number) => boolean,
): Promise<Frame[]> {
  const hangUp = new AbortController();
  const giveUp = setTimeout(() => hangUp.abort(), timeoutMs);
  const frames: Frame[] = [];
  let heartbeats = 0;
  const take = ({ item }: WatchRulesetResponse): void => {
    if (item?.$case === 'frame') frames.push(item.value);
    else heartbeats += 1;
  };
  const request = { set, revision: from.revision, stateHash: Buffer.from(from.stateHash) };
  try {
    for await (const response of rulesets.watchRuleset(request, { signal: hangUp.signal })) {
      take(response);
      if (isEnough(frames, heartbeats)) return frames;
    }
  } finally {
    clearTimeout(giveUp);
    hangUp.abort();
  }
  throw new Error(`The watch ended after ${frames.length} frames and ${heartbeats} heartbeats`);
}

const nothing = { revision: 0, stateHash: new Uint8Array() };

describe('the change stream of the authority', () => {
  it('brings every revision to the bus once, in order, each carrying on from the one before', () =>
    withHouse(async ({ frames, start }) => {
      const root = (await start('config-1')).as();
      await importInto(root, set, [checkout]);
      for (const percentage of [10, 20, 30]) await rollOut(root, set, 'checkout', percentage);
      const { revision, stateHash, upserts } = await snapshotOf(root, set);
      await eventually(() => assert.equal(frames.at(-1)?.revision, revision));
      assertChain(frames);
      assert.equal(hex(frames.at(-1)?.stateHash ?? new Uint8Array()), hex(stateHash));
      assert.equal(hex(hashEntities(upserts)), hex(stateHash));
      assert.deepEqual(
        frames.at(-1)?.upserts.map(({ name }) => name),
        ['checkout'],
      );
    })).timeout(60_000);

  it('goes on accepting while NATS is dead, and delivers everything when it is back', () =>
    withHouse(async ({ frames, start }) => {
      const root = (await start('config-1')).as();
      const { revision } = await importInto(root, set, [checkout]);
      await eventually(() => assert.equal(frames.at(-1)?.revision, revision));
      await servers.nats?.kill();
      const percentages = Array.from({ length: 10 }, (_, i) => i + 1);
      for (const percentage of percentages) await rollOut(root, set, 'checkout', percentage);
      await servers.nats?.start();
      await eventually(() => assert.equal(frames.at(-1)?.revision, revision + percentages.length), {
        deadlineMs: 20_000,
      });
      assertChain(frames);
    })).timeout(60_000);

  it('sends a change that is too large for the bus without its entities', () =>
    withHouse(async ({ frames, start }) => {
      const root = (await start('config-1')).as();
      const large = gateOf('large', [], { defaultValueJson: JSON.stringify('x'.repeat(600_000)) });
      const { revision } = await importInto(root, set, [large]);
      await eventually(() => assert.equal(frames.at(-1)?.revision, revision));
      const frame = frames.at(-1);
      assert.deepEqual([frame?.isElided, frame?.upserts.length], [true, 0]);
      const snapshot = await snapshotOf(root, set);
      assert.equal(hex(snapshot.stateHash), hex(frame?.stateHash ?? new Uint8Array()));
      assert(snapshot.upserts.some(({ name }) => name === 'large'));
    })).timeout(60_000);

  it('is one stream, however many replicas write, and another publishes when one stops', () =>
    withHouse(async ({ frames, start }) => {
      const one = await start('config-1');
      const two = await start('config-2');
      const roots = [one.as(), two.as()];
      const { revision } = await importInto(one.as(), set, [checkout]);
      const writes = Array.from({ length: 20 }, (_, i) => rollOut(roots[i % 2] ?? one.as(), set, 'checkout', i + 1));
      const revisions = (await Promise.all(writes)).map((answer) => answer.revision);
      assert.equal(new Set(revisions).size, writes.length);
      await one.stop();
      const last = await rollOut(two.as(), set, 'checkout', 99);
      assert.equal(last.revision, revision + writes.length + 1);
      await eventually(() => assert.equal(frames.at(-1)?.revision, last.revision), { deadlineMs: 5_000 });
      assertChain(frames);
      const { upserts, stateHash } = await snapshotOf(two.as(), set);
      assert.equal(hex(hashEntities(upserts)), hex(stateHash));
    })).timeout(60_000);

  it('is watched from a snapshot, then change by change, with heartbeats', () =>
    withHouse(async ({ start }) => {
      const root = (await start('config-1')).as();
      const { revision } = await importInto(root, set, [checkout]);
      let isWritten = false;
      const frames = await watch(root, nothing, (seen, heartbeats) => {
        if (!isWritten && seen.length === 1 && heartbeats > 0) {
          isWritten = true;
          void rollOut(root, set, 'checkout', 10).then(() => rollOut(root, set, 'checkout', 20));
        }
        return seen.length === 3;
      });
      assert.deepEqual(
        frames.map((frame) => [frame.previousRevision, frame.revision]),
        [
          [0, revision],
          [revision, revision + 1],
          [revision + 1, revision + 2],
        ],
      );
      assertChain(frames);
    })).timeout(60_000);

  it('is resumed by the frames that were missed; whoever holds something else gets a snapshot', () =>
    withHouse(async ({ start }) => {
      const authority = await start('config-1');
      const root = authority.as();
      await importInto(root, set, [checkout]);
      const held = await snapshotOf(root, set);
      await rollOut(root, set, 'checkout', 10);
      await rollOut(root, set, 'checkout', 20);
      const missed = await watch(root, held, (seen) => seen.length === 2);
      assertChain([held, ...missed]);

      const newest = await snapshotOf(root, set);
      const [other] = await watch(
        root,
        { revision: newest.revision, stateHash: Buffer.alloc(32) },
        (seen) => seen.length > 0,
      );
      assert.deepEqual([other?.previousRevision, other?.revision], [0, newest.revision]);
      const [ahead] = await watch(root, { ...newest, revision: newest.revision + 100 }, (seen) => seen.length > 0);
      assert.deepEqual([ahead?.previousRevision, ahead?.revision], [0, newest.revision]);
      assert.deepEqual(await watch(root, newest, (_, heartbeats) => heartbeats > 1), []);
    })).timeout(60_000);

  it('waits for every evaluator that speaks, and says who is missing at the deadline', () =>
    withHouse(async ({ bus, start }) => {
      const root = (await start('config-1')).as();
      const { revision } = await importInto(root, set, [checkout]);
      const { stateHash } = await snapshotOf(root, set);
      const acknowledge = (instance: string, held: number): void =>
        bus.broadcast(
          `ack.v1.${set.project}.production`,
          Ack.encode(
            Ack.fromPartial({
              set,
              instance,
              region: 'test',
              revision: held,
              stateHash,
              committedAtMs: 5,
              appliedAtMs: 7,
            }),
          ).finish(),
        );
      // As evaluators do, each says again and again what it holds.
      let ahead = revision - 1;
      const talk = setInterval(() => {
        acknowledge('evaluation-1', revision);
        acknowledge('evaluation-2', ahead);
      }, 50);
      try {
        const waiting = () => root.config.waitForRevision({ set, revision }, { timeoutMs: 1_000 });
        const late = await eventually(async () => {
          const answer = await waiting();
          assert.equal(answer.acknowledgements.length, 2);
          return answer;
        });
        assert.equal(late.isComplete, false);
        assert.deepEqual(
          late.acknowledgements.map((one) => [one.instance, one.revision]),
          [
            ['evaluation-1', revision],
            ['evaluation-2', revision - 1],
          ],
        );
        // As one that followed a config of which this one is an older backup.
        ahead = revision + 20;
        const foreign = await eventually(async () => {
          const answer = await waiting();
          assert.equal(answer.acknowledgements[1]?.revision, revision + 20);
          return answer;
        });
        assert.deepEqual([foreign.isComplete, foreign.acknowledgements[1]?.isForeign], [false, true]);
        ahead = revision;
        await eventually(async () => assert((await waiting()).isComplete));
      } finally {
        clearInterval(talk);
      }
    })).timeout(60_000);

  it('survives nonsense on the bus', () =>
    withHouse(async ({ bus, frames, start }) => {
      const root = (await start('config-1')).as();
      await importInto(root, set, [checkout]);
      bus.broadcast(`ack.v1.${set.project}.production`, Buffer.from([0xff, 0xff, 0xff]));
      const { revision } = await rollOut(root, set, 'checkout', 10);
      await eventually(() => assert.equal(frames.at(-1)?.revision, revision));
    })).timeout(60_000);

  it('refuses writes clearly while PostgreSQL is dead, and takes them again when it is back', () =>
    withHouse(async ({ start }) => {
      const root = (await start('config-1')).as();
      const { revision } = await importInto(root, set, [checkout]);
      await servers.postgres?.kill();
      await assert.rejects(rollOut(root, set, 'checkout', 10), { kind: 'unavailable' });
      await servers.postgres?.start();
      const answer = await eventually(() => rollOut(root, set, 'checkout', 20));
      assert.equal(answer.revision, revision + 1);
    })).timeout(60_000);
});

interface AuditRow {
  readonly revision: bigint;
  readonly at: Date;
  readonly author: string;
  readonly reason: string;
  readonly changes: string;
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}

const selectAudit = {
  name: 'test_audit',
  text: `select revision, at, author, reason, changes, previous_hash, hash from config.audit where environment <> '' order by revision`,
};

describe('the audit log', () => {
  it('has a line for each revision, chained so that none can be changed or taken out', () =>
    withHouse(async ({ database, start }) => {
      const root = (await start('config-1')).as();
      await importInto(root, set, [checkout]);
      await rollOut(root, set, 'checkout', 10);
      const rows = await database.query<AuditRow>(selectAudit);
      const { revision } = await snapshotOf(root, set);
      assert.deepEqual(
        rows.map((row) => Number(row.revision)),
        Array.from({ length: revision }, (_, i) => i + 1),
      );
      let previous = Buffer.alloc(32);
      for (const row of rows) {
        assert.equal(hex(row.previous_hash), hex(previous));
        const { project, environment } = set;
        const content = [
          project,
          environment,
          Number(row.revision),
          row.at.getTime(),
          row.author,
          row.reason,
          row.changes,
        ];
        const hash = createHash('sha256').update(previous).update(JSON.stringify(content)).digest();
        assert.equal(hex(row.hash), hex(hash));
        previous = hash;
      }
      const [key, before, after] = (JSON.parse(rows.at(-1)?.changes ?? '[]') as [string, string, string][])[0] ?? [];
      assert.equal(key, 'gate/checkout');
      assert(before && after && before !== after);
    })).timeout(60_000);
});
