import assert from 'node:assert/strict';
import { createLogProbe } from './log-probe.js';

const state = { messages: 7, bytes: 70, lastSequence: 9 };
const made = (): boolean => true;

describe('the log probe', () => {
  it('says how much waits, as of the last time that the log was asked', async () => {
    const probe = createLogProbe(
      { isConnected: () => true, streamState: () => Promise.resolve(state) },
      ['EVENTS'],
      made,
    );
    assert.equal(probe.messagesPending(), 0);
    assert.equal(await probe.isReady(), true);
    assert.equal(probe.messagesPending(), 7);
  });

  it('is not ready without a connection, without the stream, or when the log refuses', async () => {
    const answers = { isConnected: () => true, streamState: () => Promise.resolve(state) };
    const refuses = { ...answers, streamState: () => Promise.reject(new Error('no stream')) };
    assert.equal(await createLogProbe({ ...answers, isConnected: () => false }, ['EVENTS'], made).isReady(), false);
    assert.equal(await createLogProbe(answers, ['EVENTS'], () => false).isReady(), false);
    assert.equal(await createLogProbe(refuses, ['EVENTS'], made).isReady(), false);
  });

  it('does not wait for a log that says nothing', async () => {
    const silent = { isConnected: () => true, streamState: () => new Promise<never>(() => undefined) };
    assert.equal(await createLogProbe(silent, ['EVENTS'], made, 5).isReady(), false);
  });
});
