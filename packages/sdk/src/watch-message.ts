import { BinaryReader, Heartbeat, RulesetServiceService, WireType } from '@sluice/proto';
import { type RawFrame, readFrame } from '@sluice/replica';

/** The next thing to know about a set. */
export type WatchMessage =
  | {
      readonly kind: 'frame';
      readonly frame: RawFrame;
      /** When the sender applied the change, Unix milliseconds; absent with snapshots. */
      readonly relayedAtMs: number | undefined;
      /** W3C traceparent of that. */
      readonly traceparent: string | undefined;
    }
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat };

const frameField = 1;
const heartbeatField = 2;
const appliedAtField = 3;
const traceparentField = 4;

/** Reads a WatchRulesetResponse. Frames stay bytes, so that their hash can be proven. @throws Error on bytes that are none. */
export function readWatchMessage(bytes: Uint8Array): WatchMessage {
  const reader = new BinaryReader(bytes);
  let frame: RawFrame | undefined;
  let heartbeat: Heartbeat | undefined;
  let relayedAtMs: number | undefined;
  let traceparent: string | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === frameField && wireType === WireType.LengthDelimited) {
      frame = readFrame(reader.bytes());
    } else if (field === heartbeatField && wireType === WireType.LengthDelimited) {
      heartbeat = Heartbeat.decode(reader.bytes());
    } else if (field === appliedAtField && wireType === WireType.Bit64) {
      relayedAtMs = reader.double();
    } else if (field === traceparentField && wireType === WireType.LengthDelimited) {
      traceparent = reader.string();
    } else {
      reader.skip(wireType, field);
    }
  }
  if (frame) return { kind: 'frame', frame, relayedAtMs, traceparent };
  if (heartbeat) return { kind: 'heartbeat', heartbeat };
  throw new Error('the message is neither a frame nor a heartbeat');
}

/** The stream of rulesets, with messages as bytes. */
export const watchDefinition = {
  watchRuleset: {
    ...RulesetServiceService.watchRuleset,
    responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
  },
};
