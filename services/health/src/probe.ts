import { type Client, createClient, SluiceError } from '@sluice/mesh';
import {
  type GetInstanceResponse,
  HealthService,
  InstanceServiceService,
  HealthCheckResponse_ServingStatus as Status,
} from '@sluice/proto';
import type { Observation } from './verdict.js';

/** Asks one instance, past all discovery and balancing. */
export interface Probe {
  readonly address: string;
  look(timeoutMs: number): Promise<Observation>;
  close(): void;
}

/** A probe of the instance at `host:port`. Connections are made, and made again, by themselves. */
export function createProbe(address: string, meshKey: string): Probe {
  const target = `static:///${address}`;
  const health = createClient(HealthService, { target });
  const instance = createClient(InstanceServiceService, { target, key: meshKey });
  return {
    address,
    look: (timeoutMs) => look(health, instance, timeoutMs),
    close: () => {
      health.close();
      instance.close();
    },
  };
}

/**
 * Two questions: what it says of its health, and one that passes through the whole chassis
 * (authentication, handlers), so that SERVING is more than a word.
 */
async function look(
  health: Client<typeof HealthService>,
  instance: Client<typeof InstanceServiceService>,
  timeoutMs: number,
): Promise<Observation> {
  const [said, self] = await Promise.allSettled([
    health.check({ service: '' }, { timeoutMs }),
    instance.getInstance({}, { timeoutMs }),
  ]);
  const description = self.status === 'fulfilled' ? self.value : undefined;
  if (said.status === 'rejected') {
    return description
      ? { kind: 'not_serving', reason: `its health can't be asked (${reasonOf(said.reason)})`, self: description }
      : { kind: 'silent', reason: reasonOf(said.reason) };
  }
  if (said.value.status !== Status.SERVING) {
    return {
      kind: 'not_serving',
      reason: `says that it is not able to serve${lackOf(description)}`,
      self: description,
    };
  }
  return self.status === 'fulfilled' ? { kind: 'serving', self: self.value } : failing(self.reason);
}

/** What it has to do without is most likely why. */
function lackOf(self: GetInstanceResponse | undefined): string {
  const lack = Object.entries(self?.missing ?? {}).map(([name, why]) => `${name} ${why}`);
  return lack.length === 0 ? '' : `: ${lack.join(', ')}`;
}

function failing(error: unknown): Observation {
  return {
    kind: 'not_serving',
    reason: `says that it serves, but a call failed (${reasonOf(error)})`,
    self: undefined,
  };
}

/** Why a call failed, for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof SluiceError && error.kind === 'deadline') return 'no answer in time';
  const message = error instanceof Error ? error.message : String(error);
  return /ECONNREFUSED/.test(message) ? 'connection refused' : message;
}
