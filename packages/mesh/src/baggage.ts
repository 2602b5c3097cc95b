import { AsyncLocalStorage } from 'node:async_hooks';
import type { SetRef } from '@sluice/proto';

/**
 * W3C baggage: what all hops of one request are to know. Whoever serves a call keeps its baggage
 * beside the work, and clients send it on with every unary call and every upload that the work makes. Streams
 * carry many requests, so none of them gets the baggage of the one that opened it.
 */
const store = new AsyncLocalStorage<string>();

/** What the recommendation asks everybody to take, in bytes; longer baggage is left behind. */
const bytesMax = 8_192;

/** Runs work with this baggage, and all that it starts; without any when undefined. */
export function withBaggage<T>(baggage: string | undefined, work: () => T): T {
  return baggage === undefined || baggage.length > bytesMax ? work() : store.run(baggage, work);
}

/** The baggage of the request that is worked on. */
export function currentBaggage(): string | undefined {
  return store.getStore();
}

const pinPrefix = 'sluice.revision.';
const pinKey = ({ project, environment }: SetRef): string => `${pinPrefix}${project}.${environment}`;

interface Member {
  readonly key: string;
  readonly value: string;
}

/** Members without their properties; what is malformed is passed over, as nobody may fail by it. */
function membersOf(baggage: string): Member[] {
  return baggage.split(',').flatMap((text) => {
    const [member = ''] = text.split(';');
    const at = member.indexOf('=');
    return at > 0 ? [{ key: member.slice(0, at).trim(), value: member.slice(at + 1).trim() }] : [];
  });
}

const revisionPattern = /^[1-9]\d{0,15}$/;

/** Whether some baggage pins any set. */
export function hasPin(baggage: string | undefined): boolean {
  return baggage?.includes(pinPrefix) ?? false;
}

/** The revision of a set that the request is pinned to. */
export function pinnedRevision(baggage: string | undefined, set: SetRef): number | undefined {
  if (baggage === undefined || !hasPin(baggage)) return undefined;
  const wanted = pinKey(set);
  const found = membersOf(baggage).find(({ key, value }) => key === wanted && revisionPattern.test(value));
  return found && Number(found.value);
}

/** The baggage with a set pinned, in the place of what it said of that set; everything else stays as it is. */
export function pinBaggage(baggage: string | undefined, set: SetRef, revision: number): string {
  const key = pinKey(set);
  const others = (baggage ?? '').split(',').filter((member) => {
    const text = member.trim();
    return text !== '' && !text.startsWith(`${key}=`) && !text.startsWith(`${key} `);
  });
  return [`${key}=${revision}`, ...others.map((member) => member.trim())].join(',');
}
