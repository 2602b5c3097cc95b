import type { SetState } from '@sluice/proto';
import type { Member } from './roster.js';

/** A change takes milliseconds; whoever lacks one for this long does not get it, in milliseconds. */
const lateAfterMs = 5_000;

type Newest = Pick<SetState, 'set' | 'revision' | 'committedAtMs'>;

/**
 * Which evaluator of a region lacks the newest revisions; undefined when none does. Sets are counted and
 * not named: whoever may see incidents may not see every project.
 */
export function latenessOf(
  members: readonly Member[],
  newest: readonly Newest[],
  region: string,
  nowMs: number,
): string | undefined {
  const settled = newest.filter(({ committedAtMs }) => nowMs - committedAtMs >= lateAfterMs);
  for (const { service, instance, lastSets, self, region: where } of members) {
    if (service !== 'evaluation' || where !== region || self === undefined) continue;
    const lacking = settled.filter(({ set, revision }) => {
      const held = lastSets.find(
        (one) => one.set?.project === set?.project && one.set?.environment === set?.environment,
      );
      return (held?.revision ?? 0) < revision;
    });
    if (lacking.length === 0) continue;
    const seconds = Math.round((nowMs - Math.min(...lacking.map(({ committedAtMs }) => committedAtMs))) / 1_000);
    const sets = lacking.length === 1 ? 'a set' : `${lacking.length} sets`;
    return `${instance} lacks the newest revision of ${sets}, for ${seconds} s`;
  }
  return undefined;
}
