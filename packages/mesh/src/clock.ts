/** The one place that time comes from, so that tests can set it. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
}

/** Beyond this the monotonic clock has drifted from the wall's, which a suspend or a step of the clock does. In milliseconds. */
const driftMaxMs = 2;

/**
 * A clock with fractions of milliseconds that agrees with other processes' clocks: within 2 ms it
 * is the wall's, whatever happened to the wall's since the start.
 */
export function fineClock(wall: () => number = Date.now, monotonic: () => number = () => performance.now()): Clock {
  let origin = wall() - monotonic();
  return {
    now: () => {
      const fine = origin + monotonic();
      const coarse = wall();
      if (Math.abs(fine - coarse) <= driftMaxMs) return fine;
      origin += coarse - fine;
      return coarse;
    },
  };
}

/** For times that other processes compare with theirs. */
export const sharedClock: Clock = fineClock();

export const systemClock: Clock = { now: () => Date.now() };
