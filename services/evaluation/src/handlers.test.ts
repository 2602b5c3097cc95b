import assert from 'node:assert/strict';
import { type Call, unavailable } from '@sluice/mesh';
import {
  EvaluateRequest,
  type EvaluateResponse,
  HashAlgorithm,
  InitializeClientRequest,
  Kind,
  User,
} from '@sluice/proto';
import { snapshotFrame } from '@sluice/replica';
import type { ExposureRecord } from './exposure.js';
import { evaluate, getRuleset, initializeClient } from './handlers.js';
import { Replays } from './replays.js';
import { handlingOf, holdingsOf, set } from './test/held.js';

const never = new AbortController().signal;
const call = {
  principal: { kind: 'mesh', ...set, canWrite: true, label: '', digest: '' },
  traceparent: undefined,
} as const;
const patience = { remainingMs: () => 1_000, signal: never };

describe('evaluate', () => {
  const request = (part: Partial<EvaluateRequest>): EvaluateRequest =>
    EvaluateRequest.fromPartial({ set, keys: [{ kind: Kind.GATE, name: 'checkout' }], user: User.create(), ...part });
  const caller = call as Pick<Call, 'principal' | 'traceparent'>;

  it('answers at once, without a promise, when nothing has to be waited for', () => {
    const offered: ExposureRecord[] = [];
    const handling = handlingOf(holdingsOf([1, 2, 3]), offered);
    const answer = evaluate(handling, request({}), caller, patience) as EvaluateResponse;
    assert.deepEqual([answer.decisions[0]?.gateValue, answer.provenance?.revision], [true, 3]);
    assert.equal(offered.length, 1);
  });

  it('counts a user in experiments that conditions asked for', () => {
    const offered: ExposureRecord[] = [];
    const keys = [{ kind: Kind.GATE, name: 'welcome' }];
    const asked = request({ keys, user: User.fromPartial({ userId: 'ada' }) });
    const answer = evaluate(handlingOf(holdingsOf([1]), offered), asked, caller, patience) as EvaluateResponse;
    assert.deepEqual(
      answer.decisions.map(({ name, gateValue }) => [name, gateValue]),
      [['welcome', true]],
    );
    assert.deepEqual(
      offered[0]?.decisions.map(({ kind, name, groupName }) => [kind, name, groupName]),
      [
        [Kind.GATE, 'welcome', ''],
        [Kind.EXPERIMENT, 'button', 'Blue'],
      ],
    );
  });

  it('replays a revision that is held, and logs no exposures', () => {
    const offered: ExposureRecord[] = [];
    const handling = handlingOf(holdingsOf([1, 2, 3]), offered);
    const answer = evaluate(handling, request({ atRevision: 2 }), caller, patience) as EvaluateResponse;
    assert.deepEqual([answer.decisions[0]?.gateValue, answer.provenance?.revision], [false, 2]);
    assert.equal(offered.length, 0);
  });

  it('replays for servers only, not for apps', () => {
    const handling = handlingOf(holdingsOf([1]), []);
    const app = { ...caller, principal: { ...caller.principal, kind: 'client' as const } };
    assert.throws(() => evaluate(handling, request({ atRevision: 1 }), app, patience), { kind: 'forbidden' });
    assert.throws(() => evaluate(handling, request({ set: { ...set, project: 'other' } }), app, patience), {
      kind: 'forbidden',
    });
  });

  it('waits for a revision to come', async () => {
    const offered: ExposureRecord[] = [];
    const holdings = holdingsOf([1]);
    const handling = handlingOf(holdings, offered);
    const answer = evaluate(handling, request({ minRevision: 2 }), caller, patience);
    const next = holdingsOf([2]).get(set);
    if (next) holdings.put(next, Date.now());
    assert.equal((await answer).provenance?.revision, 2);
  });

  describe('of a pinned request', () => {
    const pinned = (revision: number) => ({ ...caller, baggage: `a=b,sluice.revision.shop.production=${revision}` });
    const last32 = Array.from({ length: 40 }, (_, at) => at + 1);
    const app = { ...caller, principal: { ...caller.principal, kind: 'client' as const } };

    it('answers from that revision, whatever is newer, and it is an exposure', () => {
      const offered: ExposureRecord[] = [];
      const handling = handlingOf(holdingsOf(last32), offered);
      for (const revision of [40, 39, 9]) {
        const answer = evaluate(handling, request({}), pinned(revision), patience) as EvaluateResponse;
        assert.deepEqual(
          [answer.decisions[0]?.gateValue, answer.provenance?.revision],
          [revision % 2 === 1, revision],
          `revision ${revision}`,
        );
      }
      assert.deepEqual(
        offered.map(({ revision }) => revision),
        [40, 39, 9],
      );
    });

    it('goes by the request first, then by the baggage, and minds the pins of its own set only', () => {
      const handling = handlingOf(holdingsOf([1, 2, 3]), []);
      const own = evaluate(handling, request({ pinnedRevision: 1 }), pinned(2), patience) as EvaluateResponse;
      assert.equal(own.provenance?.revision, 1);
      const other = { ...caller, baggage: 'sluice.revision.bank.production=1' };
      assert.equal((evaluate(handling, request({}), other, patience) as EvaluateResponse).provenance?.revision, 3);
      const replay = evaluate(handling, request({ atRevision: 2 }), pinned(1), patience) as EvaluateResponse;
      assert.equal(replay.provenance?.revision, 2);
    });

    it('waits for a pin that is still to come, and answers by exactly that', async () => {
      const holdings = holdingsOf([1]);
      const answer = evaluate(handlingOf(holdings, []), request({}), pinned(2), patience);
      for (const revision of [2, 3]) {
        const next = holdingsOf([revision]).get(set);
        if (next) holdings.put(next, Date.now());
      }
      assert.equal((await answer).provenance?.revision, 2);
    });

    it('refuses an app whose pin is gone, and names what is held', async () => {
      const handling = handlingOf(holdingsOf(last32), []);
      await assert.rejects(async () => evaluate(handling, request({ pinnedRevision: 3 }), app, patience), {
        kind: 'precondition',
        message: /pinned to revision 3 of shop\/production, and revisions 9 to 40 are held/,
      });
    });

    it('has a service wait for a pin that is gone, and refuses where config can not say', async () => {
      const past = holdingsOf([3]).get(set);
      assert(past);
      const replays = new Replays({ fetchSnapshot: () => Promise.resolve(snapshotFrame(past).bytes) });
      const handling = { ...handlingOf(holdingsOf(last32), []), replays };
      assert.equal((await evaluate(handling, request({}), pinned(3), patience)).provenance?.revision, 3);
      const away = new Replays({ fetchSnapshot: () => Promise.reject(unavailable('config is away')) });
      await assert.rejects(async () => evaluate({ ...handling, replays: away }, request({}), pinned(4), patience), {
        kind: 'precondition',
        field: 'pinned_revision',
      });
    });

    it('refuses to read a write that is later than the pin', () => {
      const handling = handlingOf(holdingsOf([1, 2, 3]), []);
      assert.throws(() => evaluate(handling, request({ minRevision: 3 }), pinned(2), patience), {
        kind: 'precondition',
        field: 'min_revision',
      });
    });
  });
});

describe('initializeClient', () => {
  const request = InitializeClientRequest.fromPartial({
    ...{ set, user: { userId: 'ada', privateAttributes: { age: { kind: { $case: 'numberValue', value: 7 } } } } },
    ...{ hashAlgorithm: HashAlgorithm.NONE, keptGates: { names: ['checkout'] }, pinnedRevision: 1 },
  });
  const server = { ...call, ...patience, baggage: undefined } as unknown as Call;

  it('writes the document of the revision that is asked for, without private attributes', async () => {
    const offered: ExposureRecord[] = [];
    const { documentJson, provenance } = await initializeClient(
      handlingOf(holdingsOf([1, 2]), offered),
      request,
      server,
    );
    const document = JSON.parse(documentJson) as { feature_gates: Record<string, { value: boolean }> };
    assert.deepEqual(Object.keys(document.feature_gates), ['checkout']);
    assert.deepEqual([document.feature_gates.checkout?.value, provenance?.revision], [true, 1]);
    assert.equal(documentJson.includes('privateAttributes'), false);
    assert.equal(offered.length, 0);
  });

  it('is not for apps', async () => {
    const app = { ...server, principal: { ...call.principal, kind: 'client' } } as unknown as Call;
    await assert.rejects(initializeClient(handlingOf(holdingsOf([1]), []), request, app), { kind: 'forbidden' });
  });
});

describe('a whole ruleset that is asked for by a call', () => {
  const reading = (admitted: number[]) => ({
    ...handlingOf(holdingsOf([1, 2])),
    pacer: {
      admit: async (bytes: number): Promise<void> => {
        admitted.push(bytes);
        if (admitted.length > 1) throw unavailable('too many');
      },
    },
  });
  const reader = { ...call, principal: { ...call.principal, kind: 'server' }, signal: never, park: () => undefined };

  it('waits its turn among those of all readers', async () => {
    const admitted: number[] = [];
    const handling = reading(admitted);
    const read = () => getRuleset(handling, { set, revision: 0 }, reader as unknown as Call);
    const bytes = await read();
    assert.deepEqual(admitted, [bytes.length]);
    await assert.rejects(read(), { kind: 'unavailable' });
  });
});
