import { Call } from './call.js';
import type { Context } from './context.js';
import type { ConfigDecision, SecondaryExposure } from './decision.js';
import type { Recorder } from './explain.js';
import type { CompiledProgram } from './program.js';
import type { User } from './user.js';
import { noValue, type Value } from './value.js';

/** What a nested gate answered; asked again in the same call, it is not evaluated again. */
export interface GateMemo {
  readonly bool: boolean;
  readonly ruleID: string | undefined;
  readonly exposures: readonly SecondaryExposure[];
}

/** Nested evaluations deeper than this are an error of the reference's own. */
export const depthMax = 300;
/** Real nesting that this engine allows. The reference forgets its depth at a config mapping and would overflow its stack. */
const levelsMax = 350;
/** Config mappings tried in one call; a web of them may never end in the reference. */
const hopsMax = 2000;

/** Nesting that is too deep. One object, as it carries nothing but its meaning. Config mappings carry on after it. */
export const depthExceeded = new Error('Statsig Evaluation Depth Exceeded');
/** The same, but nothing carries on: the reference would overflow its stack or not return. */
export const effortExceeded = new Error(depthExceeded.message);

/** Whether an error only says that the nesting is too deep, also for the caller's stack. */
export function isTooDeep(error: unknown): boolean {
  return error === depthExceeded || error === effortExceeded || error instanceof RangeError;
}

/** Shared by all records without exposures: pushing goes through `Evaluation.expose`. */
const noExposures: readonly SecondaryExposure[] = Object.freeze([]);

/**
 * The state of one top-level call: its inputs, what is remembered about the user, and the one result
 * record that nested evaluations write into as well. That they share it is observable (the group name
 * of a nested gate shows up in the outer answer), so it is kept as it is in the reference.
 */
export class Evaluation extends Call {
  recorder: Recorder | undefined = undefined;
  /** Decides for a client response, in which conditions on experiment groups are not supported. */
  isForClients = false;

  name: string | undefined = undefined;
  bool = false;
  value: Value = noValue;
  ruleID: string | undefined = undefined;
  ruleSuffix = '';
  groupName: string | undefined = undefined;
  idType: string | undefined = undefined;
  version: number | undefined = undefined;
  isExperimentGroup = false;
  isExperimentActive = false;
  isInLayer = false;
  explicitParameters: readonly string[] | undefined = undefined;
  configDelegate: string | undefined = undefined;
  exposures: readonly SecondaryExposure[] = noExposures;
  undelegated: readonly SecondaryExposure[] | undefined = undefined;
  overrideConfigName: string | undefined = undefined;
  parameterRuleIDs: ReadonlyMap<string, string> | undefined = undefined;
  isUnsupported = false;
  /** The reference's own count of nesting: it forgets at a reset, and unknown gates leave it one too high. */
  depth = 0;

  /** Real nesting, and config mappings followed. Never reset inside a call. */
  levels: number;
  hops = 0;
  gateMemo: Map<string, GateMemo> | undefined = undefined;
  /** Group names of experiments asked for by `experiment_group`; undefined while one is being decided. */
  groups: Map<string, string | undefined> | undefined = undefined;
  consulted: ConfigDecision[] | undefined = undefined;

  constructor(program: CompiledProgram, user: User, context: Context, levels = 0) {
    super(program, user, context);
    this.levels = levels;
  }

  /** Empties the record, for config mappings and for the next top-level call with the same user. */
  reset(): void {
    this.name = undefined;
    this.bool = false;
    this.value = noValue;
    this.ruleID = undefined;
    this.ruleSuffix = '';
    this.groupName = undefined;
    this.idType = undefined;
    this.version = undefined;
    this.isExperimentGroup = false;
    this.isExperimentActive = false;
    this.isInLayer = false;
    this.explicitParameters = undefined;
    this.configDelegate = undefined;
    this.exposures = noExposures;
    this.undelegated = undefined;
    this.overrideReason = undefined;
    this.overrideConfigName = undefined;
    this.parameterRuleIDs = undefined;
    this.isUnsupported = false;
    this.depth = 0;
  }

  /** Empties everything but what is remembered about the user. */
  restart(): this {
    this.reset();
    this.levels = 0;
    this.hops = 0;
    this.gateMemo = undefined;
    this.consulted = undefined;
    return this;
  }

  /** Sets the exposures aside for a nested evaluation, which starts with none. */
  takeExposures(): readonly SecondaryExposure[] {
    const taken = this.exposures;
    this.exposures = noExposures;
    return taken;
  }

  enter(): void {
    if (++this.levels > levelsMax) throw effortExceeded;
  }

  leave(): void {
    this.levels--;
  }

  hop(): void {
    if (++this.hops > hopsMax) throw effortExceeded;
  }
}

/** Both lists in order, without copying when one is empty. */
export function joinExposures(
  first: readonly SecondaryExposure[],
  second: readonly SecondaryExposure[],
): readonly SecondaryExposure[] {
  if (second.length === 0) return first;
  return first.length === 0 ? second : first.concat(second);
}
