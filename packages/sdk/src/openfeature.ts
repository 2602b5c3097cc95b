/** An OpenFeature provider for servers, on top of local or remote evaluation. */
import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
  type TrackingEventDetails,
} from '@openfeature/server-sdk';
import type { JsonValue as Value } from '@sluice/engine';
import type { Answer, ErrorCode as OurCode } from './answer.js';
import type { SluiceClient } from './client.js';
import { readyTimeoutMs } from './limits.js';
import { findFlag, isUsable } from './openfeature-key.js';
import { userOf } from './openfeature-user.js';

export interface SluiceProviderOptions {
  /** How long `initialize` waits for a ruleset, in milliseconds. */
  readonly readyTimeoutMs?: number;
  /** How often freshness is looked at, in milliseconds. */
  readonly staleCheckMs?: number;
  /** False: closing the provider leaves the client open. */
  readonly closesClient?: boolean;
}

const codes: Readonly<Record<OurCode, ErrorCode>> = {
  PROVIDER_NOT_READY: ErrorCode.PROVIDER_NOT_READY,
  FLAG_NOT_FOUND: ErrorCode.FLAG_NOT_FOUND,
  UNSUPPORTED: ErrorCode.PARSE_ERROR,
  GENERAL: ErrorCode.GENERAL,
};

/**
 * Booleans are gates. Strings, numbers and objects are `config` or `config.param`, where config may
 * also be an experiment or a layer; a boolean of that form works when there is no gate of the name.
 */
export class SluiceProvider implements Provider {
  readonly metadata = { name: 'sluice' } as const;
  readonly runsOn = 'server' as const;
  readonly events: OpenFeatureEventEmitter = new OpenFeatureEventEmitter();
  readonly #sluice: SluiceClient;
  readonly #options: SluiceProviderOptions;
  /** OpenFeature has been told that there is a ruleset. */
  #isReady = false;
  #isStale = false;
  #release: (() => void) | undefined;

  constructor(sluice: SluiceClient, options: SluiceProviderOptions = {}) {
    this.#sluice = sluice;
    this.#options = options;
  }

  /** @throws SluiceError `deadline` when there is no ruleset in time; it may still come, and `PROVIDER_READY` with it. */
  async initialize(): Promise<void> {
    const stop = this.#sluice.onChange(({ names }) => this.#tellOfChange(names));
    const timer = setInterval(() => this.#watchAge(), this.#options.staleCheckMs ?? 1_000).unref();
    this.#release?.();
    this.#release = () => {
      stop();
      clearInterval(timer);
    };
    try {
      await this.#sluice.ready({ timeoutMs: this.#options.readyTimeoutMs ?? readyTimeoutMs });
      this.#isReady = true;
    } catch (error) {
      // The ruleset is to be announced when it is there after all.
      this.#isStale = true;
      throw error;
    }
  }

  async onClose(): Promise<void> {
    this.#release?.();
    this.#release = undefined;
    if (this.#options.closesClient === false) await this.#sluice.flush();
    else await this.#sluice.close();
  }

  async resolveBooleanEvaluation(
    key: string,
    fallback: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    const user = userOf(context);
    if (key.includes('.') && (await this.#sluice.kindOf(key)) !== 'gate') {
      const found = await findFlag(this.#sluice, key, user, fallback);
      if (found) return detailsOf(found.answer, found.value, fallback);
    }
    const gate = await this.#sluice.gate(key, user);
    return detailsOf(gate, gate.value, fallback);
  }

  resolveStringEvaluation(key: string, fallback: string, context: EvaluationContext) {
    return this.#resolve(key, fallback, context);
  }

  resolveNumberEvaluation(key: string, fallback: number, context: EvaluationContext) {
    return this.#resolve(key, fallback, context);
  }

  resolveObjectEvaluation<T extends JsonValue>(key: string, fallback: T, context: EvaluationContext) {
    return this.#resolve(key, fallback, context);
  }

  track(eventName: string, context: EvaluationContext, { value, ...metadata }: TrackingEventDetails): void {
    const isBare = Object.keys(metadata).length === 0;
    this.#sluice.log(userOf(context), eventName, isBare ? { value } : { value, metadata });
  }

  async #resolve<T extends JsonValue>(
    key: string,
    fallback: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    const user = userOf(context);
    const found = await findFlag(this.#sluice, key, user, fallback);
    if (found) return detailsOf(found.answer, found.value, fallback);
    // Nothing of that name: what a config of that name says of it is the right error.
    return detailsOf(await this.#sluice.config(key, user), undefined, fallback);
  }

  /** The first ruleset makes the provider ready; those after it are changes. */
  #tellOfChange(names: readonly string[] | undefined): void {
    if (this.#isReady) this.events.emit(ProviderEvents.ConfigurationChanged, names ? { flagsChanged: [...names] } : {});
    else this.#watchAge();
  }

  #watchAge(): void {
    const { isStale } = this.#sluice.status();
    if (isStale === this.#isStale) return;
    this.#isStale = isStale;
    this.#isReady ||= !isStale;
    this.events.emit(isStale ? ProviderEvents.Stale : ProviderEvents.Ready);
  }
}

function detailsOf<T extends JsonValue>(answer: Answer, value: Value | undefined, fallback: T): ResolutionDetails<T> {
  const { reason, errorCode, detail, revision, ruleID, groupName, ageMs } = answer;
  // `version` is the name by which OpenFeature's telemetry knows it.
  const flagMetadata = { revision, version: String(revision), ruleId: ruleID, ageMs };
  if (errorCode !== undefined) {
    return { value: fallback, reason: 'ERROR', errorCode: codes[errorCode], errorMessage: detail, flagMetadata };
  }
  if (value === undefined) {
    const errorMessage = `${answer.name} has no such parameter`;
    return { value: fallback, reason: 'ERROR', errorCode: ErrorCode.FLAG_NOT_FOUND, errorMessage, flagMetadata };
  }
  if (!isUsable(value, fallback)) {
    const errorMessage = `the value of ${answer.name} has another type than the default`;
    return { value: fallback, reason: 'ERROR', errorCode: ErrorCode.TYPE_MISMATCH, errorMessage, flagMetadata };
  }
  return { value: value as T, variant: groupName ?? ruleID, reason, flagMetadata };
}
