import type { EncodedEntity } from '@sluice/codec';
import { BinaryReader, BinaryWriter, Frame, type SetRef, WireType } from '@sluice/proto';

/**
 * A frame whose entities stay the bytes that config wrote. State hashes are over those bytes, so
 * a holder that decoded and encoded them again would lose the fields that only a newer version
 * knows, and with them the proof.
 */
export interface RawFrame extends Omit<Frame, 'set' | 'upserts'> {
  readonly set: SetRef;
  readonly upserts: readonly EncodedEntity[];
  /** The whole frame as it goes over the wire. */
  readonly bytes: Uint8Array;
}

/** Bytes that are not a frame, or one that can't be meant. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const upsertsField = 7;
const upsertsTag = (upsertsField << 3) | WireType.LengthDelimited;

/** Reads a frame. Its entities are views into `bytes`, which must not change. @throws FrameError */
export function readFrame(bytes: Uint8Array): RawFrame {
  try {
    const reader = new BinaryReader(bytes);
    const rest: Uint8Array[] = [];
    const upserts: EncodedEntity[] = [];
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [field, wireType] = reader.tag();
      if (field === upsertsField && wireType === WireType.LengthDelimited) {
        upserts.push(readEntityHead(reader.bytes()));
      } else {
        reader.skip(wireType, field);
        rest.push(bytes.subarray(start, reader.pos));
      }
    }
    const frame = Frame.decode(Buffer.concat(rest));
    const { set } = frame;
    if (!set?.project || !set.environment) throw new FrameError('the frame names no set');
    return { ...frame, set, upserts, bytes };
  } catch (error) {
    if (error instanceof FrameError) throw error;
    throw new FrameError(`not a frame: ${(error as Error).message}`, { cause: error });
  }
}

/** The raw form of a frame that was made here, from canonical entities. @throws FrameError */
export function rawFrame(frame: Frame): RawFrame {
  return readFrame(Frame.encode(frame).finish());
}

type FrameHead = Omit<Frame, 'upserts'>;

/** Puts a frame together from entities that are encoded already. */
export function composeFrame(head: FrameHead, upserts: readonly EncodedEntity[]): RawFrame {
  const writer = startFrame(head);
  for (const { bytes } of upserts) writer.uint32(upsertsTag).bytes(bytes);
  return readFrame(writer.finish());
}

/** The beginning of a frame's bytes; `writeUpserts` gives the rest, in as many parts as one likes. */
export function frameHeadBytes(head: FrameHead): Uint8Array {
  return startFrame(head).finish();
}

export function writeUpserts(upserts: Iterable<EncodedEntity>): Uint8Array {
  const writer = new BinaryWriter();
  for (const { bytes } of upserts) writer.uint32(upsertsTag).bytes(bytes);
  return writer.finish();
}

function startFrame(head: FrameHead): BinaryWriter {
  return Frame.encode({ ...head, upserts: [] });
}

const nameField = 1;
const versionField = 2;

/** Body fields are numbered as their sections are, two apart, and below 100: see `Entity` and `Section`. */
const bodyOffset = 2;
const firstOtherField = 100;

/** Finds name and section, also of a section that only a newer version knows. */
function readEntityHead(bytes: Uint8Array): EncodedEntity {
  const reader = new BinaryReader(bytes);
  let name = '';
  let section = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === nameField && wireType === WireType.LengthDelimited) {
      name = reader.string();
    } else {
      reader.skip(wireType, field);
      if (field > versionField && field < firstOtherField) section = field - bodyOffset;
    }
  }
  return { section, name, bytes };
}
