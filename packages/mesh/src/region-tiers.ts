/**
 * A balancing policy of two tiers: the instances of the own region, and those of all others. Calls stay
 * at home while somebody there is connected. When nobody is, they go away at once, and come home only
 * after home has been connected for a while: a frozen peer accepts connections too, again and again.
 */
import { type ChannelOptions, connectivityState, experimental } from '@grpc/grpc-js';
import { FairPicker } from './fair-picker.js';

type Endpoints = experimental.StatusOr<experimental.Endpoint[]>;
type Config = experimental.TypedLoadBalancingConfig;

export const regionTiers = 'region_tiers';

/** How many of the endpoints, from the first on, are at home. Not part of what a connection depends on. */
export const homeCountOption = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}_home_count`;

/** A home that connects slower than this is not waited for. */
const patienceMs = 500;
/** Longer than a frozen peer goes unnoticed (keepalive: 1.5 s). */
const provenAfterMs = 3_000;

/**
 * An attempt that is not answered is made anew after this long. The system repeats its first packet ever more
 * rarely: after a partition of a minute it would lie still for another one, with everybody there.
 */
const connectWithinMs = 2_000;

/** Connections of another attempt are others. */
const attemptOption = 'sluice.attempt';

/** What the policy inside each tier does. */
class TiersConfig implements Config {
  readonly inner: Config;

  constructor(inner: Config) {
    this.inner = inner;
  }

  getLoadBalancerName(): string {
    return regionTiers;
  }

  toJsonObject(): object {
    return { [regionTiers]: { child_policy: [this.inner.toJsonObject()] } };
  }

  static createFromJson(json: { child_policy: Parameters<typeof experimental.selectLbConfigFromList>[0] }): Config {
    const inner = experimental.selectLbConfigFromList(json.child_policy);
    if (!inner) throw new Error('child_policy names no known policy');
    return new TiersConfig(inner);
  }
}

/** One tier: a policy of its own, and what it last said. */
class Tier {
  state = connectivityState.IDLE;
  picker: experimental.Picker;
  error: string | null = null;
  isEmpty = true;
  readonly #child: experimental.ChildLoadBalancerHandler;
  #attempt = 0;
  #renew: (() => void) | undefined;
  #renewal: NodeJS.Timeout | undefined;

  constructor(parent: experimental.ChannelControlHelper, onChange: () => void) {
    this.#child = new experimental.ChildLoadBalancerHandler(
      experimental.createChildChannelControlHelper(parent, {
        updateState: (state, picker, error) => {
          this.state = state;
          this.picker = new FairPicker(picker);
          this.error = error;
          this.#awaitConnection();
          onChange();
        },
      }),
    );
    this.picker = new experimental.QueuePicker(this.#child);
  }

  update(endpoints: Endpoints, config: Config, options: ChannelOptions, note: string): boolean {
    this.isEmpty = !endpoints.ok || endpoints.value.length === 0;
    const update = (): boolean =>
      this.#child.updateAddressList(endpoints, config, { ...options, [attemptOption]: this.#attempt }, note);
    this.#renew = update;
    return update();
  }

  #awaitConnection(): void {
    if (this.state !== connectivityState.CONNECTING) {
      clearTimeout(this.#renewal);
      this.#renewal = undefined;
      return;
    }
    // An answer may be here, unread, when this thread was busy: it is read first.
    this.#renewal ??= setTimeout(() => setImmediate(() => this.#tryAnew()), connectWithinMs).unref();
  }

  #tryAnew(): void {
    if (this.#renewal === undefined) return;
    this.#renewal = undefined;
    this.#attempt++;
    this.#renew?.();
    this.#awaitConnection();
  }

  get isReady(): boolean {
    return this.state === connectivityState.READY;
  }

  get mayBecomeReady(): boolean {
    return this.state === connectivityState.CONNECTING || this.state === connectivityState.IDLE;
  }

  exitIdle(): void {
    this.#child.exitIdle();
  }

  resetBackoff(): void {
    this.#child.resetBackoff();
  }

  destroy(): void {
    clearTimeout(this.#renewal);
    this.#renewal = undefined;
    this.#child.destroy();
  }
}

class RegionTiers implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper;
  readonly #home: Tier;
  readonly #away: Tier;
  /** Calls go home, also while it is only being connected to. */
  #isHomeTrusted = true;
  #wasHomeReady = false;
  #timer: NodeJS.Timeout | undefined;
  #isUpdating = false;

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper;
    this.#home = new Tier(helper, () => this.#onHome());
    this.#away = new Tier(helper, () => this.#report());
  }

  getTypeName(): string {
    return regionTiers;
  }

  updateAddressList(endpoints: Endpoints, config: Config, options: ChannelOptions, note: string): boolean {
    if (!(config instanceof TiersConfig)) return false;
    const [home, away] = splitTiers(endpoints, Number(options[homeCountOption] ?? Number.POSITIVE_INFINITY));
    this.#isUpdating = true;
    const isTaken = this.#home.update(home, config.inner, options, note);
    if (away.ok && (away.value.length > 0 || !this.#away.isEmpty)) this.#away.update(away, config.inner, options, note);
    this.#isUpdating = false;
    if (this.#isHomeTrusted && !this.#home.isReady) this.#after(patienceMs, () => this.#judgeHome());
    this.#onHome();
    return isTaken;
  }

  exitIdle(): void {
    this.#home.exitIdle();
    if (!this.#isHomeTrusted) this.#away.exitIdle();
  }

  resetBackoff(): void {
    this.#home.resetBackoff();
    this.#away.resetBackoff();
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#home.destroy();
    this.#away.destroy();
  }

  #onHome(): void {
    if (this.#isUpdating) return;
    const isReady = this.#home.isReady;
    const isLost = this.#wasHomeReady && !isReady;
    this.#wasHomeReady = isReady;
    if (isLost || this.#home.state === connectivityState.TRANSIENT_FAILURE) this.#leaveHome();
    else if (isReady && !this.#isHomeTrusted) this.#after(provenAfterMs, () => this.#judgeHome());
    else if (isReady) clearTimeout(this.#timer);
    this.#report();
  }

  #leaveHome(): void {
    clearTimeout(this.#timer);
    this.#isHomeTrusted = false;
    this.#away.exitIdle();
  }

  #judgeHome(): void {
    if (this.#home.isReady) this.#isHomeTrusted = true;
    else this.#leaveHome();
    this.#report();
  }

  #after(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms).unref();
  }

  #report(): void {
    if (this.#isUpdating) return;
    const { state, picker, error } = this.#chosen();
    this.#helper.updateState(state, picker, error);
  }

  /** The tier that calls go to now. */
  #chosen(): Tier {
    const home = this.#home;
    const away = this.#away;
    if (away.isEmpty || (this.#isHomeTrusted && !home.isEmpty)) return home;
    if (away.isReady) return away;
    if (home.isReady) return home;
    return away.mayBecomeReady || home.state === connectivityState.TRANSIENT_FAILURE ? away : home;
  }
}

function splitTiers(endpoints: Endpoints, homeCount: number): [Endpoints, Endpoints] {
  if (!endpoints.ok) return [endpoints, endpoints];
  const { value } = endpoints;
  return [
    experimental.statusOrFromValue(value.slice(0, homeCount)),
    experimental.statusOrFromValue(value.slice(homeCount)),
  ];
}

let isRegistered = false;

/** Makes the policy known to grpc-js; harmless when repeated. */
export function registerRegionTiers(): void {
  if (isRegistered) return;
  isRegistered = true;
  experimental.registerLoadBalancerType(regionTiers, RegionTiers, TiersConfig);
}
