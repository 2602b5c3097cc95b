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

describe('connections', () => {
  it('have their streams without a deadline on top when they are slowed down', () => {
    const { connections, told } = open(1);
    const [one] = told as [Told];
    const ends = Array.from({ length: 30 }, () => connections.noteLasting(sessionOf(one)));
    for (let shed = 0; shed < 500; shed++) connections.noteShed(sessionOf(one));
    connections.balance();
    assert.equal(one.streams, 32 + 30);
    for (const end of ends) end?.();
    connections.balance();
    assert.equal(one.streams, 32);
  });

  it('that are turned away again and again are slowed down', () => {
    const { connections, told } = open(1);
    const waits = Array.from({ length: 500 }, () => connections.noteShed(sessionOf(told[0] as Told)));
    assert.ok((waits.at(-1) ?? 0) > 0);
    connections.balance();
    assert.equal(told[0]?.streams, 32);
  });
});
