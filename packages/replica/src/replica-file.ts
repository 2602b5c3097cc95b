import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { EncodedEntity } from '@sluice/codec';
import { BinaryWriter } from '@sluice/proto';
import { frameHeadBytes, type RawFrame, readFrame, writeUpserts } from './raw-frame.js';
import { applyFrame, applyFrameSliced, emptyState, type Outcome, type ReplicaState, snapshotHead } from './replica.js';

/**
 * A state in a file: a header of 48 bytes (the words `SLUICE1\n`, the length of the rest as a
 * 64-bit number, its SHA-256), then the state as a snapshot frame. A header is written last, so
 * that a half-written file has none.
 */
const magic = Buffer.from('SLUICE1\n');
export const headerBytes = magic.length + 8 + 32;

/** Entities encoded at a time: between two chunks the process does other things. */
const chunkEntities = 256;

/** A file that must not be served. The message says why. */
export class CorruptFileError extends Error {
  override readonly name = 'CorruptFileError';
}

/** Writes a state so that it survives a power cut. @throws when it is larger than `bytesMax`. */
export async function writeStateFile(path: string, state: ReplicaState, bytesMax: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    const hash = createHash('sha256');
    let length = 0;
    for (const chunk of chunksOf(state)) {
      length += chunk.length;
      if (length > bytesMax) throw new Error(`the ruleset is larger than ${bytesMax} bytes`);
      hash.update(chunk);
      await writeAll(file, chunk, headerBytes + length - chunk.length);
    }
    await writeAll(file, headerOf(length, hash.digest()), 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

function* chunksOf(state: ReplicaState): Generator<Uint8Array> {
  yield frameHeadBytes(snapshotHead(state));
  let chunk: EncodedEntity[] = [];
  for (const entity of state.entities) {
    chunk.push(entity);
    if (chunk.length < chunkEntities) continue;
    yield writeUpserts(chunk);
    chunk = [];
  }
  if (chunk.length > 0) yield writeUpserts(chunk);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function headerOf(length: number, digest: Uint8Array): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(length));
  return Buffer.concat([magic, size, digest]);
}

/** Checks and reads a whole file. @throws CorruptFileError */
export function readStateFile(bytes: Uint8Array): ReplicaState {
  const frame = frameIn(bytes);
  return stateOr(applyFrame(emptyState(frame.set), frame));
}

/** The same, some milliseconds at a time. */
export async function readStateFileSliced(bytes: Uint8Array): Promise<ReplicaState> {
  const frame = frameIn(bytes);
  return stateOr(await applyFrameSliced(emptyState(frame.set), frame));
}

function frameIn(bytes: Uint8Array): RawFrame {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < headerBytes) throw new CorruptFileError('it is shorter than its header');
  if (!file.subarray(0, magic.length).equals(magic)) throw new CorruptFileError('it does not start as a ruleset file');
  const body = file.subarray(headerBytes);
  if (file.readBigUInt64BE(magic.length) !== BigInt(body.length)) {
    throw new CorruptFileError('its length is not the one that its header says');
  }
  const digest = createHash('sha256').update(body).digest();
  if (!digest.equals(file.subarray(magic.length + 8, headerBytes))) {
    throw new CorruptFileError('its checksum does not match');
  }
  try {
    return readFrame(body);
  } catch (error) {
    throw new CorruptFileError((error as Error).message, { cause: error });
  }
}

function stateOr(outcome: Outcome): ReplicaState {
  if (outcome.kind === 'applied') return outcome.state;
  throw new CorruptFileError(outcome.kind === 'mismatch' ? outcome.reason : 'it holds no whole ruleset');
}

/** The file's bytes for a state, for tests and tools. */
export function stateFileBytes(state: ReplicaState): Uint8Array {
  const body = new BinaryWriter();
  for (const chunk of chunksOf(state)) body.raw(chunk);
  const bytes = body.finish();
  return Buffer.concat([headerOf(bytes.length, createHash('sha256').update(bytes).digest()), bytes]);
}
