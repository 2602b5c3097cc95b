import { type Histogram, labelsOf, type Metrics, type Pacer, type Sample, secondsBounds } from '@sluice/mesh';
import type { Applied, Cause, Follower, Holdings } from '@sluice/replica';
import type { Relay } from './relay.js';

export interface Streaming {
  readonly holdings: Pick<Holdings, 'all'>;
  readonly follower: Pick<Follower, 'newestRevision' | 'revisionsAhead' | 'isStreamAlive'>;
  readonly relay: Pick<Relay, 'watchers'>;
  readonly pacer: Pick<Pacer, 'waiting'>;
  readonly staleAfterMs: number;
}

/** What this evaluator's part of the change stream is like, as of the scrape. */
export function exposeStream(metrics: Metrics, streaming: Streaming): void {
  const { holdings, follower, relay, pacer, staleAfterMs } = streaming;
  const standings = () => holdings.all().map((standing) => ({ ...standing, labels: labelsOf(standing.state) }));
  metrics.gauge(
    'sluice_ruleset_lag_revisions',
    "Revisions between config's newest, as far as known here, and the one held",
    () =>
      standings().map(({ state, labels }) => {
        const newest = follower.newestRevision(state.set) ?? state.revision;
        return { value: Math.max(newest - state.revision, 0), labels };
      }),
  );
  metrics.gauge(
    'sluice_ruleset_ahead_revisions',
    'Revisions held that config does not have: it went back in time',
    () => standings().map(({ state, labels }) => ({ value: follower.revisionsAhead(state), labels })),
  );
  metrics.gauge('sluice_ruleset_stale', '1 when answers say that they are stale', () =>
    standings().map(({ ageMs, labels }) => ({ value: ageMs > staleAfterMs ? 1 : 0, labels })),
  );
  metrics.gauge('sluice_stream_alive', '1 while changes can be expected to come from the bus', () => [
    { value: follower.isStreamAlive() ? 1 : 0 },
  ]);
  metrics.gauge('sluice_watch_streams', 'Open streams of rulesets to SDKs and others', () =>
    [...relay.watchers()].map(([key, value]): Sample => {
      const [project = '', environment = ''] = key.split('/');
      return { value, labels: { project, environment } };
    }),
  );
  metrics.gauge('sluice_watch_snapshots_waiting', 'Snapshots that wait for their turn', () => [
    { value: pacer.waiting },
  ]);
}

/** Times each hop of a change up to here. */
export class Hops {
  readonly #histogram: Histogram;

  constructor(metrics: Pick<Metrics, 'histogram'>) {
    const description = 'From the commit of a change to each place that it reaches';
    this.#histogram = metrics.histogram('sluice_propagation_seconds', description, secondsBounds);
  }

  /**
   * Changes that came as they happened, and, by a cause of their own, those that had to be fetched:
   * as they were too large for the bus, or after an outage. The first state of all was no change.
   */
  applied({ state, cause, delta, publishedAtMs }: Applied, appliedAtMs: number): void {
    if (cause === 'disk' || (cause === 'snapshot' && delta.previousRevision === 0)) return;
    this.#record('commit_to_applied', cause, appliedAtMs - state.committedAtMs);
    if (publishedAtMs !== undefined) this.#record('published_to_applied', cause, appliedAtMs - publishedAtMs);
  }

  #record(hop: string, cause: Cause, ms: number): void {
    this.#histogram.record(Math.max(ms, 0) / 1_000, { hop, cause });
  }
}
