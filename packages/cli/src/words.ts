/** `3 s`, `4 min`, `2 h`, `5 d`. */
export function formatAge(ageMs: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  for (const [unit, sizeMs] of units) if (ageMs >= sizeMs) return `${Math.floor(ageMs / sizeMs)} ${unit}`;
  return `${Math.max(Math.round(ageMs), 0)} ms`;
}

/** When something happened, as seen from now; 0 is never. */
export function formatSince(timeMs: number, nowMs: number): string {
  return timeMs === 0 ? '' : `${formatAge(Math.max(nowMs - timeMs, 0))} ago`;
}

/** `8.1 ms` */
export function formatMs(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

/** ISO 8601, or null for never. */
export function isoTime(timeMs: number): string | null {
  return timeMs === 0 ? null : new Date(timeMs).toISOString();
}

/** `1 event`, `2 events`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

export function shorten(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax - 1)}…` : text;
}

/** `REASON_TARGETING_MATCH` → `TARGETING_MATCH`; the unspecified value is empty. */
export function enumWord(prefix: string, name: string): string {
  const word = name.startsWith(`${prefix}_`) ? name.slice(prefix.length + 1) : name;
  return word === 'UNSPECIFIED' ? '' : word;
}
