import type { Client } from '@sluice/mesh';

interface Held<Definition> {
  readonly target: string;
  readonly client: Client<Definition>;
}

/** For each region a client of the instances that there are now. */
export class StaticPool<Definition> {
  readonly #make: (target: string) => Client<Definition>;
  readonly #held = new Map<string, Held<Definition>>();

  constructor(make: (target: string) => Client<Definition>) {
    this.#make = make;
  }

  /** A client for the instances of a region at `host:port`; undefined when there are none. */
  at(region: string, addresses: readonly string[]): Client<Definition> | undefined {
    if (addresses.length === 0) return undefined;
    const target = `static:///${addresses.toSorted().join(',')}`;
    const held = this.#held.get(region);
    if (held?.target === target) return held.client;
    held?.client.close();
    const client = this.#make(target);
    this.#held.set(region, { target, client });
    return client;
  }

  close(): void {
    for (const { client } of this.#held.values()) client.close();
  }
}
