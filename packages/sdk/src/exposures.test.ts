import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { ConfigDecision, GateDecision } from '@sluice/engine';
import { silentLogger } from '@sluice/mesh';
import { EventQueue } from './event-queue.js';
import { Exposures } from './exposures.js';
import { seenForMs, seenMax } from './limits.js';

const decision: GateDecision = {
  kind: 'gate',
  value: true,
  name: 'on',
  ruleID: 'everyone',
  groupName: null,
  idType: 'userID',
  version: 1,
  reason: 'Recognized',
  secondaryExposures: [],
  overrideConfigName: null,
  consultedExperiments: [],
};

describe('Exposures', () => {
  const open = () => {
    const queue = new EventQueue({
      send: undefined,
      set: () => undefined,
      eventsMax: 1,
      lingerMs: 1,
      logger: silentLogger,
    });
    const exposures = new Exposures(queue);
    return { exposures, see: (unit: string) => exposures.gate(decision, { userID: unit }, 1), queue };
  };

  /** Exposures that were to be sent, and those that were not. */
  const sentAndNot = ({ books }: EventQueue): number[] => {
    const { deduplicated } = books.dropped;
    return [books.generated - deduplicated, deduplicated];
  };

  afterEach(() => mock.timers.reset());

  it('forget after a minute', () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { exposures, see, queue } = open();
    see('u');
    mock.timers.tick(seenForMs - 1);
    see('u');
    assert.deepEqual(sentAndNot(queue), [1, 1]);
    mock.timers.tick(1);
    see('u');
    see('u');
    assert.deepEqual(sentAndNot(queue), [2, 2]);
    exposures.close();
  });

  it('remember no more than they may', () => {
    const { exposures, see, queue } = open();
    for (let at = 0; at <= seenMax; at++) see(`u${at}`);
    assert.deepEqual(sentAndNot(queue), [seenMax + 1, 0]);
    see('u0');
    assert.deepEqual(sentAndNot(queue), [seenMax + 2, 0]);
    see('u0');
    assert.deepEqual(sentAndNot(queue), [seenMax + 2, 1]);
    exposures.close();
  });

  it('count a user once in an experiment that conditions asked for, by whatever way', () => {
    const { exposures, queue } = open();
    const experiment: ConfigDecision = {
      ...decision,
      ...{ kind: 'experiment', name: 'button', groupName: 'Blue', value: {}, valueText: '{}', passed: true },
      ...{ isExperimentGroup: true, isExperimentActive: true, isInLayer: false, explicitParameters: null },
    };
    const gates = ['welcome', 'goodbye'].map((name) => ({ ...decision, name, consultedExperiments: [experiment] }));
    for (const gate of gates) exposures.gate(gate, { userID: 'ada' }, 1);
    assert.deepEqual(sentAndNot(queue), [3, 1]);
    exposures.config(experiment, { userID: 'ada' }, 1);
    assert.deepEqual(sentAndNot(queue), [3, 2]);
    exposures.close();
  });
});
