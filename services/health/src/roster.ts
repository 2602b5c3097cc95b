import type { Clock, Instance, Logger } from '@sluice/mesh';
import { type GetInstanceResponse, HealthState, type HeldSet, healthStateToJSON } from '@sluice/proto';
import { createProbe, type Probe } from './probe.js';
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
}

export interface RosterOptions {
  readonly meshKey: string;
  readonly probeEveryMs: number;
  readonly probeTimeoutMs: number;
  readonly goneKeptMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Why Consul can't be asked; undefined while it can. */
  readonly consulFault: () => string | undefined;
  /** Told of every answer of an instance. */
  readonly onSelf: (self: GetInstanceResponse) => void;
}

interface Entry {
  member: Omit<Member, 'isListed'>;
  probe: Probe;
  isListed: boolean;
  /** When it was last in Consul or answered, Unix milliseconds. */
  lastSignMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** Instances shown at most: far above any real mesh, and a bound for one that registers without end. */
const membersMax = 10_000;

/** Every instance that Consul has named, each asked once a second, whatever Consul thinks of it. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /** Ordered by region, service, then instance. */
  members(): Member[] {
    return [...this.#entries.values()].map(({ member, isListed }) => ({ ...member, isListed })).sort(compareMembers);
  }

  /** Takes Consul's list of a service. Instances that are not on it any more stay for a while. */
  update(service: string, instances: readonly Instance[]): void {
    if (this.#isClosed) return;
    const listed = new Set(instances.map(({ id }) => keyOf(service, id)));
    for (const [key, entry] of this.#entries) {
      if (entry.member.service === service) entry.isListed = listed.has(key);
    }
    for (const instance of instances) this.#take(service, instance);
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer, probe } of this.#entries.values()) {
      clearTimeout(timer);
      probe.close();
    }
  }

  #take(service: string, { id, address, region }: Instance): void {
    const key = keyOf(service, id);
    const known = this.#entries.get(key);
    const nowMs = this.#options.clock.now();
    if (known) {
      known.lastSignMs = nowMs;
      if (known.probe.address !== address) this.#move(known, address);
      return;
    }
    if (this.#entries.size >= membersMax) return;
    const verdict = firstVerdict(nowMs);
    const entry: Entry = {
      member: {
        service,
        instance: id,
        region,
        address,
        verdict,
        self: undefined,
        lastSets: [],
        seenAtMs: 0,
        hasServed: false,
      },
      probe: createProbe(address, this.#options.meshKey),
      isListed: true,
      lastSignMs: nowMs,
      timer: undefined,
    };
    this.#entries.set(key, entry);
    void this.#look(key, entry);
  }

  /** The instance has started anew somewhere else. */
  #move(entry: Entry, address: string): void {
    entry.probe.close();
    entry.probe = createProbe(address, this.#options.meshKey);
    entry.member = { ...entry.member, address };
  }

  async #look(key: string, entry: Entry): Promise<void> {
    const { probe } = entry;
    const seen = await probe.look(this.#options.probeTimeoutMs);
    if (this.#isClosed) return;
    // It moved while we looked: what was seen is about an address of the past.
    if (entry.probe === probe) this.#judge(entry, seen);
    if (this.#isGone(entry)) return this.#drop(key, entry);
    entry.timer = setTimeout(() => void this.#look(key, entry), this.#options.probeEveryMs);
  }

  #judge(entry: Entry, seen: Observation): void {
    const { clock, consulFault, onSelf } = this.#options;
    const nowMs = clock.now();
    const before = entry.member.verdict;
    const listing = { isListed: entry.isListed, consulFault: consulFault() };
    const verdict = nextVerdict(before, seen, listing, nowMs);
    const self = seen.kind === 'silent' ? undefined : seen.self;
    const hasServed = entry.member.hasServed || verdict.state === HealthState.SERVING;
    entry.member = { ...entry.member, verdict, self, hasServed, ...(self && { lastSets: self.sets, seenAtMs: nowMs }) };
    if (entry.isListed || seen.kind !== 'silent') entry.lastSignMs = nowMs;
    if (self) onSelf(self);
    if (verdict.state !== before.state) this.#report(entry.member);
  }

  #report({ instance, address, verdict }: Entry['member']): void {
    const state = healthStateToJSON(verdict.state).replace('HEALTH_STATE_', '');
    const line = { instance, address, state, cause: verdict.cause };
    if (verdict.state === HealthState.SERVING) this.#options.logger.info(line, 'instance serves');
    else this.#options.logger.warn(line, 'instance does not serve');
  }

  /** Only what does not answer, and never on the word of a Consul that can't be asked. */
  #isGone({ isListed, lastSignMs, member }: Entry): boolean {
    const { clock, goneKeptMs, consulFault } = this.#options;
    if (isListed || member.verdict.state !== HealthState.UNREACHABLE || consulFault() !== undefined) return false;
    return clock.now() - lastSignMs >= goneKeptMs;
  }

  #drop(key: string, entry: Entry): void {
    entry.probe.close();
    this.#entries.delete(key);
    this.#options.logger.info({ instance: entry.member.instance }, 'instance is gone');
  }
}

function keyOf(service: string, instance: string): string {
  return `${service}/${instance}`;
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
