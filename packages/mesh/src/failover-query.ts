import type Consul from 'consul';

/** Other regions that are asked, nearest first, when nobody here passes its checks. */
const regionsAsked = 3;

/**
 * A prepared query with the name of a service, for callers without our client: passing instances of this region,
 * or else those of the nearest that has any. By HTTP `/v1/query/<service>/execute`, by DNS `<service>.query.consul`.
 * Made once for each datacenter; another instance may have been faster. One that says something else, as an older
 * version made it, is put right.
 */
export async function offerQuery(consul: Consul, service: string, timeoutMs: number): Promise<void> {
  // The client passes `timeout` to each request, though its types don't say so.
  const timely = { timeout: timeoutMs } as object;
  const wanted = {
    ...timely,
    name: service,
    service: { service, onlypassing: true, failover: { nearestn: regionsAsked } },
    // An instance that died is not to be remembered.
    dns: { ttl: '0s' },
  };
  const queries = (await consul.query.list(timely)) as readonly KnownQuery[];
  const known = queries.find(({ Name }) => Name === service);
  if (known === undefined) await consul.query.create(wanted);
  else if (!isAsWanted(known)) await consul.query.update({ ...wanted, query: known.ID });
}

interface KnownQuery {
  readonly ID: string;
  readonly Name: string;
  readonly Service: {
    readonly Service: string;
    readonly OnlyPassing: boolean;
    readonly Failover: { readonly NearestN: number };
  };
  readonly DNS: { readonly TTL: string };
}

const isAsWanted = ({ Name, Service, DNS }: KnownQuery): boolean =>
  Service.Service === Name && Service.OnlyPassing && Service.Failover.NearestN === regionsAsked && DNS.TTL === '0s';
