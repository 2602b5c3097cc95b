import assert from 'node:assert/strict';
import {
  ConfigServiceService,
  EvaluationServiceService,
  HealthService,
  InstanceServiceService,
  RulesetServiceService,
} from '@sluice/proto';
import { routesOf } from './routes.js';

const services = [
  ConfigServiceService,
  EvaluationServiceService,
  HealthService,
  InstanceServiceService,
  RulesetServiceService,
];
const routes = routesOf(services as unknown as Parameters<typeof routesOf>[0]);

describe('routes', () => {
  it('let health and change streams through, whatever the load, without a rate', () => {
    for (const { path } of [HealthService.check, HealthService.watch, RulesetServiceService.watchRuleset]) {
      const route = routes.get(path);
      assert(route && !route.isAdmitted && !route.isRated, path);
    }
  });

  it('let instances say how they are whatever the load, but not to one key again and again', () => {
    const route = routes.get(InstanceServiceService.getInstance.path);
    assert(route?.isRated && !route.isAdmitted);
  });

  it('hold evaluations and writes to both', () => {
    for (const { path } of [EvaluationServiceService.evaluate, ConfigServiceService.writeEntities]) {
      const route = routes.get(path);
      assert(route?.isAdmitted && route.isRated, path);
      assert.equal(route.deadline, 'usual');
    }
  });

  it('give uploads long, and conversations for ever', () => {
    assert.equal(routes.get(ConfigServiceService.uploadIdList.path)?.deadline, 'longest');
    assert.equal(routes.get(EvaluationServiceService.evaluateStream.path)?.deadline, 'none');
  });

  it('have the one request of a stream come soon', () => {
    assert(routes.get(RulesetServiceService.watchRuleset.path)?.awaitsRequest);
    assert(!routes.get(EvaluationServiceService.evaluateStream.path)?.awaitsRequest);
  });
});
