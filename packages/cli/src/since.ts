import { invalid } from '@sluice/mesh';

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `24h` or `7d` ago, or ISO 8601 with a zone; in Unix milliseconds. @throws SluiceError `invalid`. */
export function parseSince(field: string, text: string, nowMs: number): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ago = Number(amount) * (unitsMs[unit ?? ''] ?? Number.NaN);
  if (ago >= 0) return Math.max(nowMs - ago, 1);
  const timeMs = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:?\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (timeMs > 0) return timeMs;
  throw invalid(field, `must be a time such as 24h, 7d or 2026-11-23T10:00:00Z, got ${JSON.stringify(text)}`);
}

/** A day such as 2026-11-23. @throws SluiceError `invalid`. */
export function parseDay(field: string, text: string): string {
  const timeMs = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // The 30th of February would be a day of March.
  if (Number.isFinite(timeMs) && new Date(timeMs).toISOString().startsWith(text)) return text;
  throw invalid(field, `must be a day such as 2026-11-23, got ${JSON.stringify(text)}`);
}
