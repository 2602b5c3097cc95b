import { invalid } from '@sluice/mesh';

/** A line without its end, and where the file stands behind it. */
export interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  /** The line as it stands in the file, its end included. */
  readonly bytes: Buffer;
}

const newline = 0x0a;

/** Cuts a stream into lines, the last of which need not end. @throws SluiceError `invalid` for a line that is too long or no UTF-8. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, lineBytesMax: number): AsyncGenerator<Line> {
  let number = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const cut = (end: Uint8Array): Line => {
    const bytes = Buffer.concat([...held, end]);
    held = [];
    heldBytes = 0;
    number++;
    return { text: textOf(bytes, number), number, bytes };
  };
  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      yield cut(chunk.subarray(from, at + 1));
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    held.push(rest);
    heldBytes += rest.length;
    if (heldBytes > lineBytesMax) throw invalid(`line ${number + 1}`, `is longer than ${lineBytesMax} bytes`);
  }
  if (heldBytes > 0) yield cut(new Uint8Array());
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Buffer, number: number): string {
  try {
    return utf8.decode(bytes).trim();
  } catch {
    throw invalid(`line ${number}`, 'is not UTF-8 text');
  }
}
