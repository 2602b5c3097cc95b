/** A region whose services answer as a test says, over real gRPC. */
import { bind, type MeshServer, silentLogger, startServer } from '@sluice/mesh';
import {
  type EvaluateRequest,
  EvaluateResponse,
  EvaluationServiceService,
  GetEventsResponse,
  HealthState,
  IngestionServiceService,
  LedgerServiceService,
  LogEventsResponse,
  Outcome,
  RulesetServiceService,
  type SetState,
} from '@sluice/proto';
import type { Member } from '../roster.js';
import { member } from './sights.js';

export const meshKey = 'a-mesh-key';
export const canary = { project: 'sluice', environment: 'canary' };

/** What the services do, until a test says otherwise: all is well. */
export class Behaviour {
  evaluate: (request: EvaluateRequest) => { gateValue: boolean; revision: number } = () => ({
    gateValue: true,
    revision: 1,
  });
  /** Why an event is not accepted; empty when it is. */
  refusal = '';
  /** The newest event that the store counts, Unix milliseconds; undefined while it is away. */
  countsUpTo: number | undefined = Number.POSITIVE_INFINITY;
  /** By config's word. */
  newest: SetState[] = [];
  /** How often config was asked. */
  asked = 0;
  /** The times of the events that were accepted. */
  readonly accepted: number[] = [];

  lastCounted(): number {
    const { countsUpTo } = this;
    if (countsUpTo === undefined) throw new Error('the store is away');
    return Math.max(0, ...this.accepted.filter((timeMs) => timeMs <= countsUpTo));
  }

  take(timesMs: readonly number[]): LogEventsResponse {
    const { refusal: reason } = this;
    if (reason === '') this.accepted.push(...timesMs);
    const outcome = reason === '' ? Outcome.ACCEPTED : Outcome.REJECTED;
    return LogEventsResponse.fromPartial({ outcomes: [{ outcome, reason }] });
  }
}

export interface FakeRegion {
  readonly does: Behaviour;
  readonly server: MeshServer;
  /** An instance of a service that is served here. */
  member(instance: string, region: string, part?: Partial<Member>): Member;
}

export async function startFakeRegion(): Promise<FakeRegion> {
  const does = new Behaviour();
  const { evaluate } = EvaluationServiceService;
  const { logEvents } = IngestionServiceService;
  const { getEvents } = LedgerServiceService;
  const { listSets } = RulesetServiceService;
  const server = await startServer({
    mesh: {
      identity: { service: 'evaluation', instance: 'evaluation-1', region: 'eu', version: '1' },
      grpcAddr: { host: '127.0.0.1', port: 0 },
      consulAddr: undefined,
      meshKey,
      logLevel: 'silent',
    },
    logger: silentLogger,
    findGrant: () => undefined,
    describe: () => ({ sets: [], counters: {} }),
    services: [
      bind(
        { evaluate },
        {
          evaluate: (request) => {
            const { gateValue, revision } = does.evaluate(request);
            return EvaluateResponse.fromPartial({ decisions: [{ gateValue }], provenance: { revision } });
          },
        },
      ),
      bind({ logEvents }, { logEvents: ({ events }) => does.take(events.map(({ timeMs }) => timeMs)) }),
      bind({ getEvents }, { getEvents: () => GetEventsResponse.fromPartial({ lastAtMs: does.lastCounted() }) }),
      bind(
        { listSets },
        {
          listSets: () => {
            does.asked++;
            return { sets: does.newest };
          },
        },
      ),
    ],
  });
  const at = (part: Partial<Member> = {}): Partial<Member> => ({ address: server.address, ...part });
  return {
    does,
    server,
    member: (instance, region, part) => member(instance, region, HealthState.SERVING, at(part)),
  };
}
