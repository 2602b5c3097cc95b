/** Dates inside strings, as the reference reads them. */

const zonedPattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:([Zz])|([+\u2212-])([0-9]{2}):([0-9]{2}))$/;
/** Space may stand before each number, and between date and time; a day is two digits where there are two. */
const plainPattern =
  /^\p{White_Space}*([+-][0-9]+|[0-9]{1,4})-\p{White_Space}*([0-9]{1,2})-\p{White_Space}*([0-9]{2}|[0-9](?![0-9]))\p{White_Space}*([0-9]{1,2}):\p{White_Space}*([0-9]{1,2}):\p{White_Space}*([0-9]{1,2})$/u;
/** The last year of the reference's calendar; the first is one more before the year 0. */
const yearMax = 262_142;

/** Unix ms of an RFC 3339 date-time with zone, or of `YYYY-MM-DD HH:MM:SS` in UTC; else undefined. */
export function parseTimestamp(text: string): number | undefined {
  const zoned = zonedPattern.exec(text);
  if (zoned !== null) {
    const local = dateTimeMs(zoned);
    const offset = zoned[8] === undefined ? offsetMs(zoned) : 0;
    if (local === undefined || offset === undefined) return undefined;
    const fraction = Number((zoned[7] ?? '').slice(0, 3).padEnd(3, '0'));
    return local + fraction - offset;
  }
  const plain = plainPattern.exec(text);
  return plain === null ? undefined : dateTimeMs(plain);
}

function offsetMs(match: RegExpExecArray): number | undefined {
  const hours = Number(match[10]);
  const minutes = Number(match[11]);
  if (hours > 23 || minutes > 59) return undefined;
  return (match[9] === '+' ? 1 : -1) * (hours * 60 + minutes) * 60_000;
}

/** Groups 1 to 6 are year to second. Calendar-invalid dates are undefined; a leap second is tolerated. */
function dateTimeMs(match: RegExpExecArray): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (year > yearMax || year < -yearMax - 1) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}
