import { invalid } from '@sluice/mesh';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, '': 1000 };
const longestMs = 3_600_000;

/** Reads `500ms`, `10s`, `2m`, or seconds as a bare number, in milliseconds. @throws SluiceError `invalid` at the field. */
export function durationFor(field: string): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(text);
    const ms = Number(match?.[1]) * (unitsMs[match?.[2] ?? ''] ?? Number.NaN);
    if (ms >= 1 && ms <= longestMs) return Math.round(ms);
    throw invalid(field, `must be a time between 1ms and 60m, such as 500ms or 10s, got ${JSON.stringify(text)}`);
  };
}
