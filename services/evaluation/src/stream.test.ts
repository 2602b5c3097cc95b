import assert from 'node:assert/strict';
import { type Call, silentLogger } from '@sluice/mesh';
import { EvaluateRequest, type EvaluateStreamResponse, Kind, User } from '@sluice/proto';
import { evaluateStream } from './stream.js';
import { handlingOf, hold, holdingsOf, set } from './test/held.js';

const call = {
  principal: { kind: 'server', ...set, canWrite: false, label: '', digest: '' },
  ...{ signal: new AbortController().signal, logger: silentLogger, traceparent: undefined },
} as unknown as Call;

const request = (part: Partial<EvaluateRequest> = {}): EvaluateRequest =>
  EvaluateRequest.fromPartial({ set, keys: [{ kind: Kind.GATE, name: 'checkout' }], user: User.create(), ...part });

/** The id, and the revision of an answer or the code of an error. */
function summaryOf({ id, result }: EvaluateStreamResponse): readonly unknown[] {
  return result?.$case === 'answer'
    ? [id, 'answer', result.value.provenance?.revision]
    : [id, 'error', result?.value.code, result?.value.field];
}

describe('a stream of questions', () => {
  it('answers each at once, with its id, when nothing has to be waited for', () => {
    const answer = evaluateStream(handlingOf(holdingsOf([1, 2])), call);
    const first = answer({ id: 7, request: request(), timeoutMs: 0 });
    assert(!(first instanceof Promise));
    assert.deepEqual(summaryOf(first), [7, 'answer', 2]);
  });

  it('gives a bad question an error of its own, and goes on', async () => {
    const answer = evaluateStream(handlingOf(holdingsOf([1, 2])), call);
    const ask = async (id: number, asked: EvaluateRequest | undefined) =>
      summaryOf(await answer({ id, request: asked, timeoutMs: 5 }));
    assert.deepEqual(await ask(1, undefined), [1, 'error', 3, 'request']);
    assert.deepEqual(await ask(2, request({ keys: [] })), [2, 'error', 3, 'keys']);
    assert.deepEqual(await ask(3, request({ set: { ...set, project: 'other' } })), [3, 'error', 7, '']);
    assert.deepEqual(await ask(4, request({ minRevision: 9 })), [4, 'error', 9, 'min_revision']);
    assert.deepEqual(await ask(5, request()), [5, 'answer', 2]);
  });

  it('answers a later question while an earlier one waits for its revision', async () => {
    const holdings = holdingsOf([1]);
    const answer = evaluateStream(handlingOf(holdings), call);
    const waiting = answer({ id: 1, request: request({ minRevision: 2 }), timeoutMs: 5_000 });
    assert(waiting instanceof Promise);
    assert.deepEqual(summaryOf(await answer({ id: 2, request: request(), timeoutMs: 0 })), [2, 'answer', 1]);
    hold(holdings, 2);
    assert.deepEqual(summaryOf(await waiting), [1, 'answer', 2]);
  });

  it('says nothing of a fault of ours, which goes to the log', async () => {
    const lines: unknown[] = [];
    const logger = { ...silentLogger, error: (...line: unknown[]) => void lines.push(line) };
    const broken = { ...handlingOf(holdingsOf([1])), exposures: { offer: () => assert.fail('a secret of ours') } };
    const answer = evaluateStream(broken, { ...call, logger } as unknown as Call);
    const { result } = await answer({ id: 1, request: request(), timeoutMs: 0 });
    assert(result?.$case === 'error');
    assert.deepEqual([result.value.code, lines.length], [13, 1]);
    assert.doesNotMatch(result.value.message, /secret/);
  });
});
