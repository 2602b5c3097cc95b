import type Consul from 'consul';

/** Other regions that are asked, nearest first, when nobody here passes its checks. */
const regionsAsked = 3;

/**
 * A prepared query with the name of a service, for callers without our client: passing instances of this region,
 * or else those of the nearest that has any. By HTTP `/v1/query/<service>/execute`, by DNS `<service>.query.consul`.
 * Made once for each datacenter; another instance may have been faster.
 */
export async function offerQuery(consul: Consul, service: string, timeoutMs: number): Promise<void> {
  // The client passes `timeout` to each request, though its types don't say so.
  const timely = { timeout: timeoutMs } as object;
  const queries = (await consul.query.list(timely)) as readonly { readonly Name: string }[];
  if (queries.some(({ Name }) => Name === service)) return;
  await consul.query.create({
    ...timely,
    name: service,
    service: { service, onlypassing: true, failover: { nearestn: regionsAsked } },
    // An instance that died is not to be remembered.
    dns: { ttl: '0s' },
  });
}
