import type { Client } from '@sluice/mesh';
import { HealthState } from '@sluice/proto';
import type { Member } from './roster.js';
import { StaticPool } from './static-pool.js';

/** Clients of one service, by region, that find its instances as callers do: those that serve, or all when none does. */
export class RegionClients<Definition> {
  readonly #service: string;
  readonly #members: () => readonly Member[];
  readonly #pool: StaticPool<Definition>;

  constructor(service: string, members: () => readonly Member[], make: (target: string) => Client<Definition>) {
    this.#service = service;
    this.#members = members;
    this.#pool = new StaticPool(make);
  }

  /** Whether anything is known of the service there, be it that it crashed. */
  isKnown(region: string): boolean {
    return this.#in(region).length > 0;
  }

  /** A client for a region; undefined when none of its instances is in Consul. */
  at(region: string): Client<Definition> | undefined {
    const listed = this.#in(region).filter(({ isListed }) => isListed);
    const serving = listed.filter(({ verdict }) => verdict.state === HealthState.SERVING);
    const addresses = (serving.length > 0 ? serving : listed).map(({ address }) => address);
    return this.#pool.at(region, addresses);
  }

  close(): void {
    this.#pool.close();
  }

  #in(region: string): Member[] {
    return this.#members().filter((one) => one.service === this.#service && one.region === region);
  }
}
