import type { Metrics, Sample } from './metrics.js';

/** What became of a process's calls to one service. */
export interface ClientCounts {
  /** Not sent, because most calls before were turned away. */
  throttled: number;
  /** Turned away by the server, with a word on when to come back. */
  shed: number;
}

const byService = new Map<string, ClientCounts>();

/** The counts of all clients of a service in this process. */
export function clientCountsOf(service: string): ClientCounts {
  let counts = byService.get(service);
  if (counts === undefined) {
    counts = { throttled: 0, shed: 0 };
    byService.set(service, counts);
  }
  return counts;
}

/** Makes metrics of what became of the process's own calls. */
export function exposeClients(metrics: Metrics): void {
  const count = (pick: (counts: ClientCounts) => number) => (): Sample[] =>
    [...byService].map(([service, counts]) => ({ value: pick(counts), labels: { 'rpc.service': service } }));
  const counter = (name: string, description: string, pick: (counts: ClientCounts) => number): void =>
    metrics.counter(name, description, count(pick));
  counter(
    'sluice_client_calls_throttled',
    'Calls not sent: most were turned away lately',
    (counts) => counts.throttled,
  );
  counter('sluice_client_calls_shed', 'Calls turned away by their server', (counts) => counts.shed);
}
