/** What is done to which process when: drawn from a seed, so that a bad day can be had again. */

export type Fault = 'kill' | 'freeze' | 'power' | 'full';

export interface PlannedFault {
  readonly atMs: number;
  readonly victim: string;
  readonly fault: Fault;
  /** Until it comes back. */
  readonly forMs: number;
}

export interface FaultPlan {
  readonly seed: number;
  readonly durationMs: number;
  readonly victims: readonly string[];
  /** Whose disk can lose power. */
  readonly powered?: readonly string[];
  /** Whose disk can be full. */
  readonly filled?: readonly string[];
}

/** What loses power all at once. */
export const everything = 'everything';

const blackoutPauseMs = [4_000, 8_000] as const;

/** Power goes everywhere in one moment, again and again. */
export function planBlackouts({ seed, durationMs }: Pick<FaultPlan, 'seed' | 'durationMs'>): PlannedFault[] {
  const random = randomFrom(seed);
  const between = ([low, high]: readonly [number, number]): number => Math.round(low + random() * (high - low));
  const plan: PlannedFault[] = [];
  for (let atMs = between(blackoutPauseMs); atMs < durationMs; atMs += between(blackoutPauseMs)) {
    plan.push({ atMs, victim: everything, fault: 'power', forMs: between(lengthMs.power) });
  }
  return plan;
}

const pauseMs = [1_200, 2_600] as const;
const lengthMs = { kill: [100, 1_500], freeze: [500, 3_000], power: [100, 800], full: [1_500, 4_000] } as const;

/** Faults a few seconds apart; each kind comes to each victim before any comes again. */
export function planFaults({ seed, durationMs, victims, powered = [], filled = [] }: FaultPlan): PlannedFault[] {
  const random = randomFrom(seed);
  const between = ([low, high]: readonly [number, number]): number => Math.round(low + random() * (high - low));
  const kinds = [
    ...victims.flatMap((victim) => [
      { victim, fault: 'kill' as const },
      { victim, fault: 'freeze' as const },
    ]),
    ...powered.map((victim) => ({ victim, fault: 'power' as const })),
    ...filled.map((victim) => ({ victim, fault: 'full' as const })),
  ];
  const plan: PlannedFault[] = [];
  let round: typeof kinds = [];
  for (let atMs = between(pauseMs); atMs < durationMs; atMs += between(pauseMs)) {
    if (round.length === 0) round = shuffle(kinds, random);
    const next = round.pop();
    if (next) plan.push({ ...next, atMs, forMs: between(lengthMs[next.fault]) });
  }
  return plan;
}

/** The same numbers for the same seed, in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
