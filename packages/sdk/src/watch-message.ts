import { BinaryReader, Heartbeat, RulesetServiceService, WireType } from '@sluice/proto';
import { type RawFrame, readFrame } from '@sluice/replica';

/** The next thing to know about a set. */
export type WatchMessage =
  | { readonly kind: 'frame'; readonly frame: RawFrame }
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat };

const frameField = 1;
const heartbeatField = 2;

/** Reads a WatchRulesetResponse. Frames stay bytes, so that their hash can be proven. @throws Error on bytes that are none. */
export function readWatchMessage(bytes: Uint8Array): WatchMessage {
  const reader = new BinaryReader(bytes);
  let message: WatchMessage | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === frameField && wireType === WireType.LengthDelimited) {
      message = { kind: 'frame', frame: readFrame(reader.bytes()) };
    } else if (field === heartbeatField && wireType === WireType.LengthDelimited) {
      message = { kind: 'heartbeat', heartbeat: Heartbeat.decode(reader.bytes()) };
    } else {
      reader.skip(wireType, field);
    }
  }
  if (message === undefined) throw new Error('the message is neither a frame nor a heartbeat');
  return message;
}

/** The stream of rulesets, with messages as bytes. */
export const watchDefinition = {
  watchRuleset: {
    ...RulesetServiceService.watchRuleset,
    responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
  },
};
