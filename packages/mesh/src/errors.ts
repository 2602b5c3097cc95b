/**
 * The one error type of the mesh. Its message is for the caller: what is wrong and what to do.
 * The cause is for the log and never crosses the wire.
 */
export type ErrorKind =
  | 'invalid'
  | 'not_found'
  | 'already_exists'
  | 'precondition'
  | 'conflict'
  | 'unauthenticated'
  | 'forbidden'
  | 'exhausted'
  | 'unavailable'
  | 'deadline'
  | 'cancelled'
  | 'unimplemented'
  | 'internal';

/** A wrong field: its path in the request, and what to do about it. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

interface Details {
  readonly problems?: readonly FieldProblem[];
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

export class SluiceError extends Error {
  readonly kind: ErrorKind;
  /** Every wrong field, when the fault is in the request. */
  readonly problems: readonly FieldProblem[];
  /** When trying again makes sense, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SluiceError';
    this.kind = kind;
    this.problems = details.problems ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }

  /** The first wrong field. */
  get field(): string | undefined {
    return this.problems[0]?.field;
  }
}

function atField(kind: ErrorKind, field: string, message: string): SluiceError {
  return new SluiceError(kind, `${field}: ${message}`, {
    problems: [{ field, message }],
  });
}

/** The request can't be understood or is out of range: the caller must change it. */
export const invalid = (field: string, message: string): SluiceError => atField('invalid', field, message);

/** Several fields are wrong at once. */
export function invalidFields(problems: readonly FieldProblem[]): SluiceError {
  const message = problems.map(({ field, message }) => `${field}: ${message}`).join('\n');
  return new SluiceError('invalid', message, { problems });
}

export const notFound = (field: string, message: string): SluiceError => atField('not_found', field, message);

export const alreadyExists = (field: string, message: string): SluiceError => atField('already_exists', field, message);

/** The system is not in the state that the call needs. */
export const preconditionFailed = (field: string, message: string): SluiceError =>
  atField('precondition', field, message);

/** Somebody else changed it first: read again, then decide. */
export const conflict = (field: string, message: string): SluiceError => atField('conflict', field, message);

export const unauthenticated = (message: string): SluiceError => new SluiceError('unauthenticated', message);

export const forbidden = (message: string): SluiceError => new SluiceError('forbidden', message);

/** A limit is reached: nothing was done, try again after `retryAfterMs`. */
export const exhausted = (message: string, retryAfterMs: number): SluiceError =>
  new SluiceError('exhausted', message, { retryAfterMs });

export const unavailable = (message: string, cause?: unknown): SluiceError =>
  new SluiceError('unavailable', message, { cause });
