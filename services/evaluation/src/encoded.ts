import type { Decision as EngineDecision } from '@sluice/engine';
import { BinaryWriter, Decision, EvaluateAllResponse, type Provenance, WireType } from '@sluice/proto';
import { type Deciding, encode } from './decide.js';

const decisionsField = 1;
const tag = (decisionsField << 3) | WireType.LengthDelimited;

/** Bytes of wire decisions that are sent again and again. */
const written = new WeakMap<Decision, Uint8Array>();

/** An `EvaluateAllResponse` as bytes: most of its decisions were written before, for other users. */
export function encodeAll(
  deciding: Deciding,
  decisions: readonly EngineDecision[],
  provenance: Provenance,
): Uint8Array {
  const writer = new BinaryWriter();
  for (const decision of decisions) writer.uint32(tag).bytes(bytesOf(encode(deciding, decision)));
  return EvaluateAllResponse.encode({ decisions: [], provenance }, writer).finish();
}

function bytesOf(decision: Decision): Uint8Array {
  let bytes = written.get(decision);
  if (bytes === undefined) {
    bytes = Decision.encode(decision).finish();
    written.set(decision, bytes);
  }
  return bytes;
}
