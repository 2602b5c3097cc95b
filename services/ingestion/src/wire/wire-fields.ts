/** How messages are described for the strict wire check. */

/** `int` fits a JavaScript number exactly; `uint` is also not negative; `int32` and `uint32` fit 32 bits. */
export type Scalar = 'string' | 'double' | 'bool' | 'int' | 'uint' | 'int32' | 'uint32';

export interface FieldDescription {
  readonly name: string;
  readonly type: Scalar | MessageDescription;
  /** Repeated, at most this often. */
  readonly max?: number;
  /** More than that cost the span around it rather than the whole request: the reason that its sender gets. */
  readonly excess?: string;
  /** Who asks for spans gets one for each element. */
  readonly isSpan?: true;
  /** A text or message of at most so many bytes can be sound beyond doubt; a text without a limit never is. */
  readonly bytesMax?: number;
  /** A number from 1 to this one can be sound beyond doubt. */
  readonly numberMax?: number;
  /** What else makes a text sound beyond doubt. */
  readonly isSound?: (bytes: Uint8Array, from: number, to: number) => boolean;
  /** The span says where it lies, or how much it is. */
  readonly note?: Note;
  /** The key of a map's entry. */
  readonly isKey?: true;
}

type Note = 'id' | 'time' | 'trace';

/** The fields of a message by number, 31 at most. Fields that are not here are skipped, as newer senders may have them. */
export interface MessageDescription {
  readonly fields: Readonly<Record<number, FieldDescription>>;
  /** Fields of one choice: of several that are there, decoders keep the last. */
  readonly choice?: readonly number[];
  /** A message without one of these is in doubt. */
  readonly needed?: readonly number[];
}

/** A description as the check reads it: every field has the same shape, which makes reading it fast. */
export interface MessageSchema {
  /** By number. */
  readonly fields: readonly (Field | undefined)[];
  /** As bits: */
  readonly choice: number;
  readonly needed: number;
}

export interface Field {
  readonly name: string;
  readonly scalar: Scalar | undefined;
  readonly message: MessageSchema | undefined;
  /** 0 when it is not repeated. */
  readonly max: number;
  readonly excess: string | undefined;
  readonly isSpan: boolean;
  readonly bytesMax: number;
  /** 0 for any number. */
  readonly numberMax: number;
  readonly isSound: ((bytes: Uint8Array, from: number, to: number) => boolean) | undefined;
  readonly note: Note | undefined;
  readonly isKey: boolean;
}

export function schemaOf({ fields, choice = [], needed = [] }: MessageDescription): MessageSchema {
  const byNumber: (Field | undefined)[] = [];
  for (const [number, field] of Object.entries(fields)) byNumber[Number(number)] = fieldOf(field);
  return { fields: Array.from(byNumber), choice: bitsOf(choice), needed: bitsOf(needed) };
}

function fieldOf(description: FieldDescription): Field {
  const { name, type, max = 0, excess, isSpan = false, numberMax = 0, isSound, note, isKey = false } = description;
  const isScalar = typeof type === 'string';
  const { bytesMax = isScalar ? 0 : Number.POSITIVE_INFINITY } = description;
  const scalar = isScalar ? type : undefined;
  const message = isScalar ? undefined : schemaOf(type);
  return { name, scalar, message, max, excess, isSpan, bytesMax, numberMax, isSound, note, isKey };
}

const bitsOf = (numbers: readonly number[]): number => numbers.reduce((all, number) => all | (1 << number), 0);
