import type { Newest } from './newest.js';
import type { Member } from './roster.js';

/** A change takes milliseconds; whoever lacks one for this long does not get it, in milliseconds. */
const lateAfterMs = 5_000;

/** Whether the newest revisions got to a region. */
export interface Lateness {
  /** Which instance lacks what; undefined when none does. */
  readonly fault: string | undefined;
}

export function latenessOf(members: readonly Member[], newest: Newest, region: string, nowMs: number): Lateness {
  for (const { service, instance, lastSets, self, region: where } of members) {
    if (service !== 'evaluation' || where !== region || self === undefined) continue;
    for (const top of newest.all()) {
      if (!top.set || nowMs - top.committedAtMs < lateAfterMs) continue;
      const { project, environment } = top.set;
      const held = lastSets.find(({ set }) => set?.project === project && set.environment === environment);
      if ((held?.revision ?? 0) >= top.revision) continue;
      const seconds = Math.round((nowMs - top.committedAtMs) / 1_000);
      return { fault: `${instance} lacks revision ${top.revision} of ${project}/${environment} for ${seconds} s` };
    }
  }
  return { fault: undefined };
}
