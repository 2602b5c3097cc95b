/** A line of a file, or why it can't be one. */
export interface Line {
  /** Counts from 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

const newline = 10;

/** Cuts a stream into lines, LF or CRLF, holding no more than a piece and a line at a time. */
export async function* readLines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let number = 0;
  let kept: Uint8Array[] = [];
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, start)) {
      const rest = piece.subarray(start, end);
      const bytes = kept.length === 0 ? rest : Buffer.concat([...kept, rest]);
      kept = [];
      start = end + 1;
      yield { number: ++number, bytes };
    }
    if (start < piece.length) kept.push(piece.subarray(start));
  }
  if (kept.length > 0) yield { number: ++number, bytes: Buffer.concat(kept) };
}
