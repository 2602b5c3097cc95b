import type { Regions } from '@sluice/mesh';

/** Where a log is. */
export interface Origin {
  /** Given where there are several: streams of all regions have the same names. */
  readonly region?: string;
  /** The JetStream domain of another region; the server's own unless said. */
  readonly domain?: string;
}

/** Home writes what all regions have logged; elsewhere nothing is written, and events wait where they are while home is away. */
export function originsOf(regions: Regions | undefined): Origin[] {
  if (regions === undefined || regions.all.length === 1) return [{}];
  if (regions.own !== regions.home) return [];
  return regions.all.map((region) => (region === regions.own ? { region } : { region, domain: region }));
}
