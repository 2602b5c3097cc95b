import type { ExperimentOverride, JsonValue, LocalOverride, LocalOverrides } from '@sluice/engine';

type JsonObject = Readonly<Record<string, JsonValue>>;

/**
 * Answers that this process forces, ahead of the ruleset, for tests and for trying things out. For
 * one unit id (the user id or any custom id) or, without one, for everybody. Forced answers are no exposures.
 */
export class Overrides {
  readonly #gates = new Map<string, readonly LocalOverride<boolean>[]>();
  readonly #configs = new Map<string, readonly LocalOverride<JsonObject>[]>();
  readonly #experiments = new Map<string, readonly ExperimentOverride[]>();
  readonly #layers = new Map<string, readonly LocalOverride<JsonObject>[]>();
  #active: LocalOverrides | undefined;

  /** What the engine is to respect; undefined when nothing is forced. */
  get active(): LocalOverrides | undefined {
    return this.#active;
  }

  gate(name: string, value: boolean, unitId?: string): void {
    this.#force(this.#gates, name, { value, id: unitId });
  }

  config(name: string, value: JsonObject, unitId?: string): void {
    this.#force(this.#configs, name, { value, id: unitId });
  }

  /** Forces the group of this name, or a value. */
  experiment(name: string, group: string | JsonObject, unitId?: string): void {
    const forced = typeof group === 'string' ? { groupName: group, id: unitId } : { value: group, id: unitId };
    this.#force(this.#experiments, name, forced);
  }

  layer(name: string, value: JsonObject, unitId?: string): void {
    this.#force(this.#layers, name, { value, id: unitId });
  }

  /** Forces nothing of that name any more; without a name, nothing at all. */
  clear(name?: string): void {
    for (const forced of [this.#gates, this.#configs, this.#experiments, this.#layers]) {
      if (name === undefined) forced.clear();
      else forced.delete(name);
    }
    this.#refresh();
  }

  #force<Override extends { readonly id?: string | undefined }>(
    forced: Map<string, readonly Override[]>,
    name: string,
    override: Override,
  ): void {
    const others = (forced.get(name) ?? []).filter(({ id }) => id !== override.id);
    forced.set(name, [...others, override]);
    this.#refresh();
  }

  #refresh(): void {
    const isEmpty = this.#gates.size + this.#configs.size + this.#experiments.size + this.#layers.size === 0;
    this.#active = isEmpty
      ? undefined
      : { gates: this.#gates, configs: this.#configs, experiments: this.#experiments, layers: this.#layers };
  }
}
