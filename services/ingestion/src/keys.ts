/**
 * Which SDK keys may do what, and which sets there are: from the rulesets that config publishes,
 * remembered on disk. No call waits for the network, but for a key or set that is not known yet.
 */
import { join } from 'node:path';
import type { Bus } from '@sluice/bus';
import { type Clock, type Grant, type Logger, type Scope, systemClock, unavailable, unverified } from '@sluice/mesh';
import type { HeldSet, KeyGrant, SetRef } from '@sluice/proto';
import { type Authority, createAuthority, Disk, Follower, Holdings, type ReplicaState, setKey } from '@sluice/replica';
import type { IngestionConfig } from './config.js';

/** Whether a set exists, as far as it can be told. */
export interface KnownSets {
  /** True also when config can't be asked. */
  isKnown(set: SetRef): Promise<boolean>;
}

/** The final word on a key that could not be checked when it came. */
export interface Verifier {
  /** Undefined when it is sure that nobody holds such a key. @throws SluiceError `unavailable` while nobody can tell. */
  verify(digest: string): Promise<KeyGrant | undefined>;
}

export interface Keys extends KnownSets, Verifier {
  /** `unverified` for a key that is not known while config is away: it may have been made a moment before. */
  findGrant(digest: string): Grant | Promise<Grant>;
  sets(): HeldSet[];
}

/** How long an unknown key waits for config's word; another one within this time does not wait, in milliseconds. */
const patienceMs = 500;
const askTimeoutMs = 1_000;
/** For so long it is believed that config is away, or is there, in milliseconds. */
const believedMs = 2_000;

/** Reads the disk, then follows config in the background. */
export async function followKeys(config: IngestionConfig, bus: Bus, scope: Scope, logger: Logger): Promise<Keys> {
  const authority = createAuthority({
    target: config.configTarget,
    key: config.meshKey,
    consulAddr: config.consulAddr,
    region: config.identity.region,
    endpointsDir: join(config.stateDir, 'endpoints'),
  });
  scope.push('config client', () => authority.close());
  const holdings = new Holdings();
  const news = createNews();
  const disk = new Disk({ directory: join(config.stateDir, 'rulesets'), logger });
  const follower = new Follower({ holdings, disk, source: bus, authority, logger, onApplied: news.tell });
  scope.push('rulesets', () => follower.close());
  await follower.start();
  const findNewGrant = createPatience(holdings, () => follower.hurry(), news.next);
  const isAway = createIsAway(authority, systemClock);
  const findUnknown = async (digest: string): Promise<Grant> =>
    (await findNewGrant(digest)) ?? ((await isAway()) ? unverified : undefined);
  return {
    findGrant: (digest) => holdings.findGrant(digest) ?? findUnknown(digest),
    verify: createVerify(holdings, authority, () => follower.hurry()),
    isKnown: createIsKnown(holdings, authority),
    sets: () => holdings.all().map(({ state, ageMs }) => heldSet(state, ageMs)),
  };
}

function heldSet({ set, revision, stateHash, committedAtMs }: ReplicaState, ageMs: number): HeldSet {
  return { set, revision, stateHash: Buffer.from(stateHash), committedAtMs, ageMs };
}

/** Lets many wait for the next change. */
function createNews() {
  let next = Promise.withResolvers<void>();
  return {
    tell: (): void => {
      next.resolve();
      next = Promise.withResolvers<void>();
    },
    next: (): Promise<void> => next.promise,
  };
}

/** A key that was made a moment ago may be newer than what is held: hurries, and waits for it a little. */
export function createPatience(
  holdings: Pick<Holdings, 'findGrant'>,
  hurry: () => void,
  nextChange: () => Promise<void>,
  waitMs: number = patienceMs,
): (digest: string) => Promise<KeyGrant | undefined> {
  let isWaiting = false;
  return async (digest) => {
    // One guess at a time: a flood of wrong keys is answered at once.
    if (isWaiting) return undefined;
    isWaiting = true;
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => resolve('late'), waitMs);
    hurry();
    try {
      for (;;) {
        const change = nextChange();
        const grant = holdings.findGrant(digest);
        if (grant || (await Promise.race([change, late])) === 'late') return grant ?? holdings.findGrant(digest);
      }
    } finally {
      clearTimeout(timer);
      isWaiting = false;
    }
  };
}

/** Whether config does not answer. Asks at most every two seconds, however many want to know. */
export function createIsAway(authority: Pick<Authority, 'listSets'>, clock: Clock): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  let askedAtMs = 0;
  return () => {
    if (answer === undefined || clock.now() - askedAtMs > believedMs) {
      askedAtMs = clock.now();
      answer = authority.listSets(AbortSignal.timeout(askTimeoutMs)).then(
        () => false,
        () => true,
      );
    }
    return answer;
  };
}

/** Nobody holds a key that no ruleset names, once all rulesets that config has are here. */
export function createVerify(
  holdings: Pick<Holdings, 'findGrant'> & { get(set: SetRef): { readonly revision: number } | undefined },
  authority: Pick<Authority, 'listSets'>,
  hurry: () => void,
): Verifier['verify'] {
  return async (digest) => {
    const known = holdings.findGrant(digest);
    if (known) return known;
    const states = await authority.listSets(AbortSignal.timeout(askTimeoutMs));
    const isBehind = states.some(({ set, revision }) => set && (holdings.get(set)?.revision ?? 0) < revision);
    if (!isBehind) return holdings.findGrant(digest);
    hurry();
    throw unavailable('Rulesets that may name the key are still on their way.');
  };
}

/** Asks config about sets that are not held: one without any ruleset yet is a set, too. */
export function createIsKnown(
  holdings: { get(set: SetRef): unknown },
  authority: Pick<Authority, 'listSets'>,
): (set: SetRef) => Promise<boolean> {
  const listed = new Set<string>();
  return async (set) => {
    if (holdings.get(set) !== undefined || listed.has(setKey(set))) return true;
    try {
      for (const state of await authority.listSets(AbortSignal.timeout(askTimeoutMs))) {
        if (state.set) listed.add(setKey(state.set));
      }
      return listed.has(setKey(set));
    } catch {
      return true;
    }
  };
}
