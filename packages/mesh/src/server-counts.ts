import type { ShedReason } from './admission.js';
import type { Metrics, Sample } from './metrics.js';

/** What a server turned away, and why. */
export class ServerCounts {
  readonly callsShed: Record<ShedReason, number> = {
    queue_full: 0,
    waited_too_long: 0,
    deadline: 0,
    key_rate: 0,
    headers: 0,
  };
  /** Made to wait, because nearly all calls were of their key. */
  callsHeld = 0;
  /** Closed by force, because their caller took no notice of their deadline. */
  callsCut = 0;
  readonly connectionsRefused = { all: 0, peer: 0, waiting: 0 };
  readonly connectionsClosed = { preface: 0, control_frames: 0, resets: 0 };
  connectionsSlowed = 0;
}

/** Levels of a server. */
export interface ServerLevels {
  readonly connections: number;
  readonly callsInFlight: number;
  readonly callsInFlightLimit: number;
  readonly callsWaiting: number;
}

const byReason = (counts: Readonly<Record<string, number>>) => (): Sample[] =>
  Object.entries(counts).map(([reason, value]) => ({ value, labels: { reason } }));

/** Makes metrics of what a server turned away, and of how full it is. */
export function exposeServer(metrics: Metrics, counts: ServerCounts, levels: () => ServerLevels): void {
  const gauge = (name: string, description: string, look: (levels: ServerLevels) => number): void =>
    metrics.gauge(name, description, () => [{ value: look(levels()) }]);
  gauge('sluice_server_connections', 'Connections', ({ connections }) => connections);
  gauge('sluice_server_calls_in_flight', 'Calls that are worked on', ({ callsInFlight }) => callsInFlight);
  gauge(
    'sluice_server_calls_in_flight_limit',
    'Calls that may be worked on at a time, as learnt from their latency',
    ({ callsInFlightLimit }) => callsInFlightLimit,
  );
  gauge('sluice_server_calls_waiting', 'Calls that wait for their turn', ({ callsWaiting }) => callsWaiting);
  metrics.counter('sluice_server_calls_shed', 'Calls turned away before they were read', byReason(counts.callsShed));
  metrics.counter('sluice_server_calls_held', 'Calls made to wait because nearly all were of their key', () => [
    { value: counts.callsHeld },
  ]);
  metrics.counter('sluice_server_calls_cut', 'Calls closed by force after their deadline', () => [
    { value: counts.callsCut },
  ]);
  metrics.counter(
    'sluice_server_connections_refused',
    'Connections turned away because there were too many: in all, of one peer, or waiting to be taken in',
    byReason(counts.connectionsRefused),
  );
  metrics.counter(
    'sluice_server_connections_closed',
    'Connections closed for what they sent, or did not send',
    byReason(counts.connectionsClosed),
  );
  metrics.counter('sluice_server_connections_slowed', 'Connections slowed down for coming back at once', () => [
    { value: counts.connectionsSlowed },
  ]);
}
