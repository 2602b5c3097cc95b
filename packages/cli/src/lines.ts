/** A line without its end, and where the file stands behind it. */
export interface Line {
  /** Empty for a line that has a problem. */
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  /** The line as it stands in the file, its end included; of one that is too long, its beginning. */
  readonly bytes: Buffer;
  /** Bytes that it takes in the file. */
  readonly length: number;
  /** Why it has no text. */
  readonly problem: string | undefined;
}

const newline = 0x0a;

/** Cuts a stream into lines, the last of which need not end. Of a line that is too long no more than `lineBytesMax` is held. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, lineBytesMax: number): AsyncGenerator<Line> {
  let number = 0;
  let held: Uint8Array[] = [];
  let length = 0;
  const hold = (piece: Uint8Array): void => {
    if (length < lineBytesMax) held.push(piece.subarray(0, lineBytesMax - length));
    length += piece.length;
  };
  const cut = (): Line => {
    const line = { number: ++number, bytes: Buffer.concat(held), length };
    held = [];
    length = 0;
    return { ...line, ...read(line.bytes, line.length > lineBytesMax ? lineBytesMax : undefined) };
  };
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      hold(chunk.subarray(from, at + 1));
      yield cut();
      from = at + 1;
    }
    hold(chunk.subarray(from));
  }
  if (length > 0) yield cut();
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** `past`: the limit that the line is beyond. */
function read(bytes: Buffer, past: number | undefined): Pick<Line, 'text' | 'problem'> {
  if (past !== undefined) return { text: '', problem: `is longer than ${past} bytes` };
  try {
    return { text: utf8.decode(bytes).trim(), problem: undefined };
  } catch {
    return { text: '', problem: 'is not UTF-8 text' };
  }
}
