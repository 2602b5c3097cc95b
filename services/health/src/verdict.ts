import { type GetInstanceResponse, HealthState } from '@sluice/proto';

/**
 * How an instance is, as a state machine.
 *
 * UNKNOWN until somebody looked. Each probe then decides: SERVING when the instance says so and a
 * real call works, NOT_SERVING when it answers but can't do its job, UNREACHABLE when it does not
 * answer. Consul's word decides nothing but one thing: when an instance does not answer *and*
 * Consul can't say whether it has moved, nobody can tell, and the state is UNKNOWN.
 */
export interface Verdict {
  readonly state: HealthState;
  /** Why, when it is not serving, or serving where no client finds it. */
  readonly cause: string;
  /** Since when it is in this state, Unix milliseconds. */
  readonly sinceMs: number;
}

/** What one probe saw. */
export type Observation =
  | { readonly kind: 'serving'; readonly self: GetInstanceResponse }
  | { readonly kind: 'not_serving'; readonly reason: string; readonly self: GetInstanceResponse | undefined }
  | { readonly kind: 'silent'; readonly reason: string };

/** What Consul says about the instance. */
export interface Listing {
  readonly isListed: boolean;
  /** Consul gave it up; it did not leave by itself. */
  readonly hasCrashed: boolean;
  /** Why Consul can't be asked; absent while it can. */
  readonly consulFault: string | undefined;
}

export function firstVerdict(nowMs: number): Verdict {
  return { state: HealthState.UNKNOWN, cause: 'nobody looked yet', sinceMs: nowMs };
}

/** The verdict after a probe. Only a change of state moves `sinceMs`. */
export function nextVerdict(before: Verdict, seen: Observation, listing: Listing, nowMs: number): Verdict {
  const { state, cause } = judge(seen, listing);
  return { state, cause, sinceMs: state === before.state ? before.sinceMs : nowMs };
}

function judge(seen: Observation, { isListed, hasCrashed, consulFault }: Listing): Omit<Verdict, 'sinceMs'> {
  switch (seen.kind) {
    case 'serving': {
      const isHidden = !isListed && consulFault === undefined;
      return { state: HealthState.SERVING, cause: isHidden ? 'not in Consul: clients do not find it' : '' };
    }
    case 'not_serving':
      return { state: HealthState.NOT_SERVING, cause: seen.reason };
    case 'silent':
      if (consulFault !== undefined) {
        const cause = `does not answer (${seen.reason}), and Consul can't say whether it moved (${consulFault})`;
        return { state: HealthState.UNKNOWN, cause };
      }
      return {
        state: HealthState.UNREACHABLE,
        cause: `does not answer: ${seen.reason}${isListed ? '' : hasCrashed ? '; Consul gave it up' : '; it has left Consul'}`,
      };
    default: {
      const never: never = seen;
      return never;
    }
  }
}
