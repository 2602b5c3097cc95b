import { readFileSync } from 'node:fs';
import { compile, parseStatsigDocument } from '@sluice/engine';
import { invalid } from '@sluice/mesh';
import { applyFrame, emptyState, type ReplicaState, readFrame, readStateFile } from '@sluice/replica';
import { Held } from './held.js';

const fileMagic = 'SLUICE1\n';

/**
 * Reads what to start from: a last-known-good file, a snapshot frame, or a Statsig document.
 * @throws SluiceError `invalid`: something that was shipped to start from and can't be used is to
 * be noticed at the start.
 */
export function readBootstrap(bootstrap: string | Uint8Array, staleAfterMs: number): Held {
  try {
    const bytes = typeof bootstrap === 'string' ? readFileSync(bootstrap) : Buffer.from(bootstrap);
    return isDocument(bytes) ? heldDocument(bytes, staleAfterMs) : heldState(stateOf(bytes), staleAfterMs);
  } catch (error) {
    const what = typeof bootstrap === 'string' ? bootstrap : 'the given bytes';
    throw invalid('bootstrap', `${what} can't be used: ${(error as Error).message}`);
  }
}

/** Frames start with a tag of their own, so that a brace or white space can only be JSON. */
function isDocument(bytes: Buffer): boolean {
  return /^\s*\{/.test(bytes.toString('utf8', 0, 64).replace(/^\uFEFF/, ''));
}

function heldDocument(bytes: Buffer, staleAfterMs: number): Held {
  const { ruleset } = parseStatsigDocument(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  return new Held(compile(ruleset).program, 'bootstrap', ruleset.time, staleAfterMs);
}

/** It was config's newest when it was committed; nobody knows more. */
function heldState(state: ReplicaState, staleAfterMs: number): Held {
  return new Held(state, 'bootstrap', state.committedAtMs, staleAfterMs);
}

function stateOf(bytes: Buffer): ReplicaState {
  if (bytes.toString('latin1', 0, fileMagic.length) === fileMagic) return readStateFile(bytes);
  const frame = readFrame(bytes);
  const outcome = applyFrame(emptyState(frame.set), frame);
  if (outcome.kind === 'applied') return outcome.state;
  throw new Error(outcome.kind === 'mismatch' ? outcome.reason : 'the frame is not a snapshot');
}
