/** What receipts say of sources, folded by source: one row to change for each, whatever a batch holds; pure. */
import { type Receipt, SourceReport } from '@sluice/proto';
import { sourceRangesMax } from '../limits.js';

/** What a batch of messages adds to one source. */
export interface SourceNews {
  readonly project: string;
  readonly environment: string;
  readonly sourceId: string;
  region: string;
  /** Numbers that arrived, as PostgreSQL writes an int8multirange. */
  arrived: string;
  accepted: number;
  duplicate: number;
  /** By field, JSON. */
  rejected: string;
  /** 0 without a report. */
  reportNumber: number;
  /** The encoded report with the highest number. */
  report: Buffer | null;
  lastSeenAtMs: number;
}

/** A receipt with the message that brought it. */
export interface Delivered {
  readonly project: string;
  readonly environment: string;
  readonly region: string;
  readonly receivedAtMs: number;
  readonly receipt: Receipt;
}

const sourceIdMax = 64;
/** Fields of one source that rejections are told apart by; more share one. */
const fieldsMax = 50;
const fieldLengthMax = 64;

interface Gathering extends SourceNews {
  /** First numbers, and those behind the last. */
  readonly ranges: [number, number][];
  readonly fields: Map<string, number>;
}

/** In the order of the table's key: writers that lock in one order can't deadlock. */
export function foldReceipts(all: readonly Delivered[]): SourceNews[] {
  const sources = new Map<string, Gathering>();
  for (const delivered of all) {
    const { project, environment, receipt } = delivered;
    if (receipt.sourceId === '' || receipt.sourceId.length > sourceIdMax || receipt.sourceId.includes('\0')) continue;
    const place = `${project}\0${environment}\0${receipt.sourceId}`;
    const held = sources.get(place) ?? begin(delivered);
    sources.set(place, held);
    add(held, delivered);
  }
  return [...sources]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, { ranges, fields, ...news }]) => ({
      ...news,
      arrived: `{${joined(ranges).join(',')}}`,
      rejected: JSON.stringify(Object.fromEntries(fields)),
    }));
}

function begin({ project, environment, region, receipt }: Delivered): Gathering {
  return {
    ...{ project, environment, region, sourceId: receipt.sourceId },
    ...{ arrived: '', accepted: 0, duplicate: 0, rejected: '', reportNumber: 0, report: null, lastSeenAtMs: 0 },
    ranges: [],
    fields: new Map(),
  };
}

function add(held: Gathering, { region, receivedAtMs, receipt }: Delivered): void {
  const { firstSequence, events, accepted, duplicate, rejected, report } = receipt;
  if (firstSequence > 0 && events > 0) held.ranges.push([firstSequence, firstSequence + events]);
  held.accepted += accepted;
  held.duplicate += duplicate;
  for (const [field, count] of Object.entries(rejected)) addRejected(held.fields, field, count);
  if (receivedAtMs >= held.lastSeenAtMs) {
    held.lastSeenAtMs = receivedAtMs;
    held.region = region;
  }
  if (!report || report.number <= held.reportNumber) return;
  held.reportNumber = report.number;
  held.report = Buffer.from(SourceReport.encode(report).finish());
}

/** Ranges that touch are one; what lies too scattered is left out, and counts as missing. */
function joined(ranges: readonly [number, number][]): string[] {
  const whole: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([left], [right]) => left - right)) {
    const last = whole.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else whole.push([from, to]);
  }
  return whole.slice(0, sourceRangesMax).map(([from, to]) => `[${from},${to})`);
}

function addRejected(fields: Map<string, number>, field: string, count: number): void {
  const name = field.replaceAll('\0', '').slice(0, fieldLengthMax);
  const key = fields.has(name) || fields.size < fieldsMax ? name : 'other';
  fields.set(key, (fields.get(key) ?? 0) + count);
}
