import type { Clock, Instance, Logger } from '@sluice/mesh';
import { type GetInstanceResponse, HealthState, type HeldSet, healthStateToJSON } from '@sluice/proto';
import { hasCrashed, isForgotten, type Keeping } from './departure.js';
import { createProbe, type Probe } from './probe.js';
import { type SavedMember, savedOf } from './roster-memory.js';
import { firstVerdict, nextVerdict, type Observation, type Verdict } from './verdict.js';

/** What is known of one instance. */
export interface Member {
  readonly service: string;
  readonly instance: string;
  readonly region: string;
  readonly address: string;
  readonly verdict: Verdict;
  /** What it said of itself at the last probe; absent when it did not answer. */
  readonly self: GetInstanceResponse | undefined;
  /** What it held when it last answered, which may be long ago. */
  readonly lastSets: readonly HeldSet[];
  /** When that was, Unix milliseconds; 0 for never. */
  readonly seenAtMs: number;
  /** Consul names it; one that was stopped on purpose has left first. */
  readonly isListed: boolean;
  /** It served at least once: one that never did may still be starting. */
  readonly hasServed: boolean;
  /** It did not leave Consul, Consul gave it up. */
  readonly hasCrashed: boolean;
  /** When it was first named, Unix milliseconds. */
  readonly joinedAtMs: number;
  /** Since when it does not answer, Unix milliseconds; undefined while it does. */
  readonly silentSinceMs: number | undefined;
}

export interface RosterOptions extends Keeping {
  readonly meshKey: string;
  readonly probeEveryMs: number;
  readonly probeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Why Consul can't be asked; undefined while it can. */
  readonly consulFault: () => string | undefined;
  /** Told of every answer of an instance. */
  readonly onSelf: (self: GetInstanceResponse) => void;
  /** Told when what is to be remembered over a restart has changed. */
  readonly onChange?: (members: readonly SavedMember[]) => void;
}

interface Entry {
  member: Member;
  probe: Probe;
  /** Consul spoke of it, or of its region, since the start: it is known to be listed or not. */
  isConfirmed: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Instances shown at most: far above any real mesh, and a bound for one that registers without end. */
const membersMax = 10_000;

/** Every instance that Consul has named, each asked once a second, whatever Consul thinks of it. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #entries = new Map<string, Entry>();
  /** By service, the keys of those that Consul named last. */
  readonly #lists = new Map<string, ReadonlySet<string>>();
  /** Regions that Consul has named since the start: of others it has not said that anybody left. */
  readonly #heard = new Set<string>();
  #isChanged = false;
  #isClosed = false;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /** Ordered by region, service, then instance. */
  members(): Member[] {
    return [...this.#entries.values()].map(({ member }) => member).sort(compareMembers);
  }

  /** Takes up again those that were known before a restart. */
  restore(saved: readonly SavedMember[]): void {
    for (const one of saved.slice(0, membersMax)) this.#add(one, false);
  }

  /** Takes Consul's list of a service. Instances that are not on it any more stay for a while. */
  update(service: string, instances: readonly Instance[]): void {
    if (this.#isClosed) return;
    this.#lists.set(service, new Set(instances.map(({ id, region }) => keyOf({ service, instance: id, region }))));
    for (const { region } of instances) this.#heard.add(region);
    for (const instance of instances) this.#take(service, instance);
    for (const [key, entry] of this.#entries) this.#list(key, entry);
    this.#remember();
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer, probe } of this.#entries.values()) {
      clearTimeout(timer);
      probe.close();
    }
  }

  #take(service: string, { id: instance, address, region }: Instance): void {
    const known = this.#entries.get(keyOf({ service, instance, region }));
    if (known && known.probe.address !== address) this.#move(known, address);
    if (known || this.#entries.size >= membersMax) return;
    const joinedAtMs = this.#options.clock.now();
    const fresh = { isListed: true, hasServed: false, hasCrashed: false, silentSinceMs: undefined };
    this.#add({ service, instance, region, address, joinedAtMs, ...fresh }, true);
    this.#isChanged = true;
  }

  #add(saved: SavedMember, isConfirmed: boolean): void {
    const nowMs = this.#options.clock.now();
    const unseen = { verdict: firstVerdict(nowMs), self: undefined, lastSets: [], seenAtMs: 0 };
    const member: Member = { ...saved, ...unseen };
    const probe = createProbe(member.address, this.#options.meshKey);
    const entry: Entry = { member, probe, isConfirmed, timer: undefined };
    const key = keyOf(member);
    this.#entries.set(key, entry);
    void this.#look(key, entry);
  }

  /** Whether Consul still names it, as far as Consul was heard. */
  #list(key: string, entry: Entry): void {
    const { service, region, isListed: wasListed, silentSinceMs } = entry.member;
    const list = this.#lists.get(service);
    if (!list || !this.#heard.has(region)) return;
    entry.isConfirmed = true;
    const isListed = list.has(key);
    if (isListed === wasListed) return;
    const isCrash = !isListed && hasCrashed(silentSinceMs, this.#options.clock.now());
    entry.member = { ...entry.member, isListed, hasCrashed: isCrash };
    this.#isChanged = true;
  }

  /** The instance has started anew somewhere else. */
  #move(entry: Entry, address: string): void {
    entry.probe.close();
    entry.probe = createProbe(address, this.#options.meshKey);
    entry.member = { ...entry.member, address };
    this.#isChanged = true;
  }

  async #look(key: string, entry: Entry): Promise<void> {
    const { probe } = entry;
    const seen = await probe.look(this.#options.probeTimeoutMs);
    if (this.#isClosed) return;
    // It moved while we looked: what was seen is about an address of the past.
    if (entry.probe === probe) this.#judge(entry, seen);
    if (this.#isGone(entry)) this.#drop(key, entry);
    else entry.timer = setTimeout(() => void this.#look(key, entry), this.#options.probeEveryMs);
    this.#remember();
  }

  #judge(entry: Entry, seen: Observation): void {
    const { clock, consulFault, onSelf } = this.#options;
    const nowMs = clock.now();
    const before = entry.member;
    const verdict = nextVerdict(before.verdict, seen, { ...before, consulFault: consulFault() }, nowMs);
    const self = seen.kind === 'silent' ? undefined : seen.self;
    const hasServed = before.hasServed || verdict.state === HealthState.SERVING;
    const silentSinceMs = seen.kind === 'silent' ? (before.silentSinceMs ?? nowMs) : undefined;
    const heard = self && { lastSets: self.sets, seenAtMs: nowMs };
    entry.member = { ...before, verdict, self, hasServed, silentSinceMs, ...heard };
    this.#isChanged ||= hasServed !== before.hasServed || silentSinceMs !== before.silentSinceMs;
    if (self) onSelf(self);
    if (verdict.state !== before.verdict.state) this.#report(entry.member);
  }

  #report({ instance, address, verdict }: Member): void {
    const state = healthStateToJSON(verdict.state).replace('HEALTH_STATE_', '');
    const line = { instance, address, state, cause: verdict.cause };
    if (verdict.state === HealthState.SERVING) this.#options.logger.info(line, 'instance serves');
    else this.#options.logger.warn(line, 'instance does not serve');
  }

  /** Only what does not answer, and never on the word of a Consul that can't be asked. */
  #isGone({ isConfirmed, member }: Entry): boolean {
    const { clock, consulFault, crashedKeptMs } = this.#options;
    const { isListed, silentSinceMs } = member;
    if (silentSinceMs === undefined || consulFault() !== undefined) return false;
    const quietMs = clock.now() - silentSinceMs;
    if (isListed) return !isConfirmed && quietMs >= crashedKeptMs;
    return isForgotten(member, this.members(), quietMs, this.#options);
  }

  #drop(key: string, entry: Entry): void {
    entry.probe.close();
    this.#entries.delete(key);
    this.#isChanged = true;
    this.#options.logger.info({ instance: entry.member.instance }, 'instance is gone');
  }

  #remember(): void {
    if (this.#isChanged) this.#options.onChange?.(this.members().map(savedOf));
    this.#isChanged = false;
  }
}

function keyOf({ service, instance, region }: Pick<Member, 'service' | 'instance' | 'region'>): string {
  return `${region}/${service}/${instance}`;
}

function compareMembers(left: Member, right: Member): number {
  return (
    compare(left.region, right.region) || compare(left.service, right.service) || compare(left.instance, right.instance)
  );
}

/** In the order of UTF-16 units, with numbers by value: `evaluation-2` before `evaluation-10`. */
function compare(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}
