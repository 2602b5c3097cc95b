import { status } from '@grpc/grpc-js';
import type { HeldSet, SetRef } from '@sluice/proto';
import type { Histogram, Labels, Metrics, Sample } from './metrics.js';
import { secondsBounds } from './metrics.js';

/** What an instance says of itself, as metrics too: see `ServerOptions.describe`. */
export interface Described {
  readonly sets: readonly HeldSet[];
  readonly counters: Readonly<Record<string, number>>;
}

/** Counts with these endings go down as well. */
const levels = /(_waiting|_pending|_open|_kept|_age_ms|_bytes|^instances|^spool_events)$/;

/** Names in Prometheus know letters, digits and underscores. */
const plain = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_');

/** The set that something belongs to, as labels. */
export const labelsOf = ({ set }: { readonly set?: SetRef | undefined }): Labels => ({
  project: set?.project ?? '',
  environment: set?.environment ?? '',
});

/** Every set held and every count of `describe`, looked at when scraped; counts that come later come later. */
export function exposeInstance(metrics: Metrics, service: string, describe: () => Described): void {
  const sets = function* (value: (held: HeldSet) => number): Generator<Sample> {
    for (const held of describe().sets) yield { value: value(held), labels: labelsOf(held) };
  };
  metrics.gauge('sluice_ruleset_revision', 'Revision held', () => sets(({ revision }) => revision));
  metrics.gauge('sluice_ruleset_age_seconds', 'Since the revision held was last known to be the newest', () =>
    sets(({ ageMs }) => ageMs / 1_000),
  );
  metrics.gauge('sluice_ruleset_committed_timestamp_seconds', 'When the revision held was committed', () =>
    sets(({ committedAtMs }) => committedAtMs / 1_000),
  );
  const known = new Set<string>();
  metrics.onScrape(() => {
    for (const name of Object.keys(describe().counters)) {
      if (known.has(name)) continue;
      known.add(name);
      const observe = (): Sample[] => {
        const value = describe().counters[name];
        return value === undefined ? [] : [{ value }];
      };
      const full = `sluice_${plain(service)}_${plain(name)}`;
      const description = `${name.replaceAll('_', ' ')}, as the instance says of itself`;
      if (levels.test(name)) metrics.gauge(full, description, observe);
      else metrics.counter(full, description, observe);
    }
  });
}

/** Times calls by method and outcome, by the names of OpenTelemetry's conventions. */
export class CallTimes {
  readonly #histogram: Histogram;
  readonly #labels = new Map<string, Labels>();

  constructor(metrics: Metrics) {
    const description = 'Duration of calls, in seconds; of streams, from their first to their last message';
    this.#histogram = metrics.histogram('rpc.server.call.duration', description, secondsBounds);
  }

  /** `path`: `/package.Service/Method`. */
  record(path: string, code: status, elapsedMs: number): void {
    const key = code === status.OK ? path : `${path} ${code}`;
    let labels = this.#labels.get(key);
    if (labels === undefined) {
      labels = {
        'rpc.system.name': 'grpc',
        'rpc.method': path.slice(1),
        'rpc.response.status_code': status[code] ?? String(code),
      };
      this.#labels.set(key, labels);
    }
    this.#histogram.record(elapsedMs / 1_000, labels);
  }
}
