import { invalid } from '@sluice/mesh';
import type { Command } from 'commander';
import { parseCountInput } from './json-input.js';

/** Which revision to decide from. */
export interface RevisionOptions {
  readonly minRevision?: number;
  readonly atRevision?: number;
}

/** Adds `--min-revision` and `--at-revision`. */
export function addRevisionOptions(command: Command): Command {
  const most = Number.MAX_SAFE_INTEGER;
  return command
    .option('--min-revision <n>', 'wait, within the deadline, until this revision is held', (text) =>
      parseCountInput('--min-revision', text, 0, most),
    )
    .option('--at-revision <n>', 'replay: decide as of this revision; never counts as an exposure', (text) =>
      parseCountInput('--at-revision', text, 1, most),
    );
}

/** The request's fields. @throws SluiceError `invalid` when both are given. */
export function revisionFields({ minRevision = 0, atRevision = 0 }: RevisionOptions) {
  if (minRevision !== 0 && atRevision !== 0) {
    throw invalid('--at-revision', 'replays the past, so that there is nothing to wait for; leave --min-revision out');
  }
  return { minRevision, atRevision };
}
