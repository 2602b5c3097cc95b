import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { Connections } from './connections.js';
import { ServerCounts } from './server-counts.js';
import { defaultLimits } from './server-limits.js';

/** What a connection was told that it may have under way. */
class Told extends EventEmitter {
  streams = defaultLimits.streamsPerConnectionMax;
  closed = false;
  destroyed = false;

  settings({ maxConcurrentStreams }: { maxConcurrentStreams: number }): void {
    this.streams = maxConcurrentStreams;
  }
}

const sessionOf = (told: Told): ServerHttp2Session => told as unknown as ServerHttp2Session;

function open(count: number): { connections: Connections; told: Told[] } {
  const connections = new Connections({ ...defaultLimits, prefaceTimeoutMs: 0 }, new ServerCounts());
  const told = Array.from({ length: count }, () => new Told());
  for (const one of told) connections.watch(sessionOf(one));
  return { connections, told };
}

const call = (connections: Connections, told: Told | undefined, key: string, count: number, isLasting = false) =>
  Array.from({ length: count }, () => connections.noteCall(sessionOf(told as Told), key, isLasting, performance.now()));

describe('connections of a saturated thread', () => {
  it('share a few calls when nearly all of them are of their key; others have what they had', () => {
    const { connections, told } = open(5);
    for (const one of told.slice(0, 4)) call(connections, one, 'greedy', 100);
    call(connections, told[4], 'good', 5);
    connections.balance(0.99);
    assert.deepEqual(
      told.map(({ streams }) => streams),
      [16, 16, 16, 16, 1_000],
    );
  });

  it('share nothing while there is time for all, while one key is alone, and while all keys call', () => {
    const { connections, told } = open(2);
    const rounds: (() => void)[] = [
      () => call(connections, told[0], 'greedy', 500),
      () => [0, 1].map((at) => call(connections, told[at], `key ${at}`, 200)),
      () => [10, 1].map((count, at) => call(connections, told[at], `key ${at}`, count)),
    ];
    for (const round of rounds) {
      round();
      connections.balance(0.99);
      assert.deepEqual([told[0]?.streams, told[1]?.streams], [1_000, 1_000]);
    }
    call(connections, told[0], 'greedy', 500);
    call(connections, told[1], 'good', 5);
    connections.balance(0.5);
    assert.equal(told[0]?.streams, 1_000);
  });

  it('have their streams without a deadline on top', () => {
    const { connections, told } = open(2);
    const ends = call(connections, told[0], 'greedy', 30, true);
    call(connections, told[0], 'greedy', 500);
    call(connections, told[1], 'good', 5);
    connections.balance(0.99);
    assert.equal(told[0]?.streams, 64 + 30);
    for (const end of ends) end?.();
    connections.balance(0.99);
    assert.equal(told[0]?.streams, 64);
  });

  it('are never told to have fewer than a few, and forget who has gone', () => {
    const { connections, told } = open(101);
    for (const one of told.slice(0, 100)) call(connections, one, 'greedy', 20);
    call(connections, told[100], 'good', 5);
    connections.balance(0.99);
    assert.equal(told[0]?.streams, 4);
    for (const one of told.slice(1, 100)) one.emit('close');
    call(connections, told[0], 'greedy', 500);
    call(connections, told[100], 'good', 5);
    connections.balance(0.99);
    assert.equal(told[0]?.streams, 64);
  });

  it('that are turned away again and again are slowed down', () => {
    const { connections, told } = open(1);
    const waits = Array.from({ length: 500 }, () => connections.noteShed(sessionOf(told[0] as Told)));
    assert.ok((waits.at(-1) ?? 0) > 0);
    connections.balance(0.1);
    assert.equal(told[0]?.streams, 32);
  });
});
