import type { ConfigDecision, Decision, GateDecision, LayerDecision, User } from '@sluice/engine';
import { type Exposure, ExposureKind } from '@sluice/proto';
import type { EventQueue } from './event-queue.js';
import { seenForMs, seenMax } from './limits.js';
import { Seen } from './seen.js';

/** What one entity showed, apart from who saw it. */
type Shown = Omit<Exposure, 'unitId' | 'revision'>;

/**
 * Notes who saw what. The same exposure (entity, unit, rule, value) goes out once a minute; the
 * rest is booked as dropped{deduplicated}. What is remembered is bounded: past the bound all of it is forgotten.
 */
export class Exposures {
  readonly #queue: EventQueue;
  #gates = new Map<string, Seen>();
  #configs = new Map<string, Seen>();
  /** By layer, then parameter. */
  #layers = new Map<string, Map<string, Seen>>();
  /** Who asks for a gate often asks for it again. */
  #lastGate: string | undefined = undefined;
  #lastSeen: Seen | undefined = undefined;
  #size = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(queue: EventQueue) {
    this.#queue = queue;
    this.#timer = setInterval(() => this.#forget(), seenForMs).unref();
  }

  gate(decision: GateDecision, user: User, revision: number): void {
    const { name } = decision;
    if (name !== this.#lastGate) {
      this.#lastGate = name;
      this.#lastSeen = this.#gates.get(name);
    }
    const seen = this.#lastSeen;
    if (seen !== undefined && this.#isSettled(seen, decision, decision.value, user)) return;
    if (isExposure(decision)) this.#noteGate(seen, decision, user, revision);
  }

  config(decision: ConfigDecision, user: User, revision: number): void {
    const seen = this.#configs.get(decision.name);
    if (seen !== undefined && this.#isSettled(seen, decision, false, user)) return;
    if (isExposure(decision)) this.#noteConfig(seen, decision, user, revision);
  }

  /** A parameter of a layer was read. It counts for the experiment only if that owns the parameter. */
  layer(decision: LayerDecision, parameter: string, user: User, revision: number): void {
    if (!isExposure(decision)) return;
    const ruleId = decision.parameterRuleIDs?.get(parameter) ?? decision.ruleID;
    const parameters = placeIn(this.#layers, decision.name, () => new Map<string, Seen>());
    const seen = placeIn(parameters, parameter, () => new Seen());
    const unit = seen.unitOf(user, decision.idType);
    if (seen.has(unit, false, ruleId)) {
      this.#queue.noteDeduplicated();
      return;
    }
    this.#noteConsulted(decision, user, revision);
    const isOwned = decision.explicitParameters?.includes(parameter) ?? false;
    const allocatedExperiment = isOwned ? (decision.allocatedExperiment ?? '') : '';
    const shown = { ...shownBy(decision, ExposureKind.LAYER), ruleId, parameter, allocatedExperiment };
    this.#note(seen, shown, unit, user, revision);
  }

  /** Experiments whose group a condition asked for: the user was in them as well. They hold all that they have asked for. */
  #noteConsulted({ consultedExperiments }: Decision, user: User, revision: number): void {
    for (const experiment of consultedExperiments) {
      this.config({ ...experiment, consultedExperiments: [] }, user, revision);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** It was sent a moment ago, or there is nobody who could be counted. */
  #isSettled(seen: Seen, { idType, ruleID }: Decision, isOn: boolean, user: User): boolean {
    const unit = seen.unitOf(user, idType);
    if (!seen.has(unit, isOn, ruleID)) return unit === '';
    this.#queue.noteDeduplicated();
    return true;
  }

  #noteGate(known: Seen | undefined, decision: GateDecision, user: User, revision: number): void {
    this.#noteConsulted(decision, user, revision);
    const seen = known ?? placeIn(this.#gates, decision.name, () => new Seen());
    this.#lastSeen = seen;
    const shown = { ...shownBy(decision, ExposureKind.GATE), gateValue: decision.value };
    this.#note(seen, shown, seen.unitOf(user, decision.idType), user, revision);
  }

  #noteConfig(known: Seen | undefined, decision: ConfigDecision, user: User, revision: number): void {
    this.#noteConsulted(decision, user, revision);
    const seen = known ?? placeIn(this.#configs, decision.name, () => new Seen());
    this.#note(seen, shownBy(decision, ExposureKind.CONFIG), seen.unitOf(user, decision.idType), user, revision);
  }

  #note(seen: Seen, shown: Shown, unitId: string, user: User, revision: number): void {
    // Nobody that could be counted saw anything.
    if (unitId === '') return;
    // What was not taken is no reason to leave out the next one.
    if (!this.#queue.offerExposure({ ...shown, unitId, revision }, user)) return;
    if (seen.add(unitId, shown.gateValue, shown.ruleId)) this.#size++;
    if (this.#size > seenMax) this.#forget();
  }

  #forget(): void {
    if (this.#size === 0) return;
    this.#gates = new Map();
    this.#lastGate = undefined;
    this.#lastSeen = undefined;
    this.#configs = new Map();
    this.#layers = new Map();
    this.#size = 0;
  }
}

/** Unknown entities, failures and forced answers are no exposures: they tell nothing of the ruleset. */
function isExposure({ reason }: Decision): boolean {
  return !(
    reason === 'Unrecognized' ||
    reason === 'Unsupported' ||
    reason === 'LocalOverride:Recognized' ||
    reason.startsWith('Error')
  );
}

function shownBy(decision: Decision, kind: ExposureKind): Shown {
  return {
    kind,
    key: decision.name,
    gateValue: false,
    ruleId: decision.ruleID,
    groupName: decision.groupName ?? '',
    idType: decision.idType,
    version: decision.version ?? undefined,
    parameter: '',
    allocatedExperiment: '',
  };
}

function placeIn<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
