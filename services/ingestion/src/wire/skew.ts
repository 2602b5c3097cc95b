/**
 * How far the clock of a sender is behind ours. A request says when it was sent; what lies between that
 * and its arrival is the wrong clock and the journey together, and journeys are long where a process
 * or a network stands still for a while. A journey only ever adds: of what was seen of a source, the
 * least is the closest to its clock.
 */

/** Below this the difference is the journey's length rather than a wrong clock, in milliseconds. */
const toleranceMs = 2_000;
/** Callers give up before a journey takes so long: what is more is a clock that was set anew. */
const journeyMaxMs = 60_000;
/** Clocks drift: after so long, what was seen of a source counts no more. */
const believedMs = 3_600_000;
/** Sources that are remembered. */
const sourcesMax = 10_000;

export interface Skews {
  /**
   * What to add to the sender's times, in milliseconds. 0 when it did not say when it sent, or is
   * right within the time that a journey takes. @param sourceId empty for a sender that names none
   */
  of(sourceId: string, sentAtMs: number, receivedAtMs: number): number;
}

interface Seen {
  readonly differenceMs: number;
  readonly atMs: number;
}

export function createSkews(): Skews {
  const seen = new Map<string, Seen>();
  const remember = (sourceId: string, one: Seen): void => {
    seen.delete(sourceId);
    seen.set(sourceId, one);
    if (seen.size <= sourcesMax) return;
    for (const oldest of seen.keys()) {
      seen.delete(oldest);
      break;
    }
  };
  return {
    of: (sourceId, sentAtMs, receivedAtMs) => {
      if (sentAtMs === 0) return 0;
      const differenceMs = receivedAtMs - sentAtMs;
      const known = sourceId === '' ? undefined : seen.get(sourceId);
      if (known && isJourney(known, differenceMs, receivedAtMs)) return beyondTolerance(known.differenceMs);
      if (sourceId !== '') remember(sourceId, { differenceMs, atMs: receivedAtMs });
      return beyondTolerance(differenceMs);
    },
  };
}

function isJourney(known: Seen, differenceMs: number, nowMs: number): boolean {
  const moreMs = differenceMs - known.differenceMs;
  return moreMs >= 0 && moreMs <= journeyMaxMs && nowMs - known.atMs <= believedMs;
}

const beyondTolerance = (differenceMs: number): number => (Math.abs(differenceMs) <= toleranceMs ? 0 : differenceMs);
