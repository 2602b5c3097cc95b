import { type experimental, type Metadata, status } from '@grpc/grpc-js';

/** Outcomes that say something of the instance rather than of the call. */
const sick: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNKNOWN,
  status.DATA_LOSS,
  status.UNIMPLEMENTED,
]);

/** Whether an outcome speaks against the instance. One that turns calls away and says for how long is busy, not sick. */
export function isSick(code: status, metadata: Metadata | undefined): boolean {
  return sick.has(code) && (metadata === undefined || metadata.get('grpc-retry-pushback-ms').length === 0);
}

/**
 * Tells outlier detection of what speaks against an instance only. It takes every error for a
 * fault of the instance: one caller's invalid requests would take instances from everybody, and an
 * overload, half of all instances, for a start.
 */
export class FairPicker implements experimental.Picker {
  readonly #inner: experimental.Picker;

  constructor(inner: experimental.Picker) {
    this.#inner = inner;
  }

  pick(args: experimental.PickArgs): experimental.PickResult {
    const result = this.#inner.pick(args);
    const { onCallEnded } = result;
    if (onCallEnded) {
      // Made for this call, and changed in place: a copy would be the dearest part of a pick.
      result.onCallEnded = (code, details, metadata) =>
        onCallEnded(code === status.OK || isSick(code, metadata) ? code : status.OK, details, metadata);
    }
    return result;
  }
}
