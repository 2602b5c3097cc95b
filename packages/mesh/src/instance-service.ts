import { type HeldSet, InstanceServiceService } from '@sluice/proto';
import { covers, type Principal, requireKind } from './auth.js';
import { bind, type ServiceBinding } from './bind.js';
import type { LoadMeter } from './load-meter.js';
import type { MeshConfig } from './mesh-config.js';

/** What an instance says of itself. */
export interface Description {
  readonly sets: HeldSet[];
  readonly counters: Record<string, number>;
  /** What it has to do without, such as nats, and why. */
  readonly missing?: Readonly<Record<string, string>>;
}

export interface InstanceOptions {
  readonly mesh: Pick<MeshConfig, 'identity'>;
  readonly describe: () => Description;
}

/** Says what the instance is and holds, to keys of backends and consoles. */
export function instanceService({ mesh, describe }: InstanceOptions, load: Pick<LoadMeter, 'value'>): ServiceBinding {
  const startedAtMs = Date.now();
  return bind(InstanceServiceService, {
    getInstance: (_request, { principal }) => {
      requireKind(principal, 'server', 'console');
      const { missing = {}, ...rest } = shownTo(principal, describe());
      return { ...mesh.identity, startedAtMs, ...rest, missing, load: load.value };
    },
  });
}

type Scope = Pick<Principal, 'project' | 'environment'>;

/** What of a description a key may see: its own sets; counters, which are of the whole instance, only when it sees all. */
export function shownTo<Said extends Pick<Description, 'sets' | 'counters'>>(scope: Scope, said: Said): Said {
  const isForAll = scope.project === '';
  return { ...said, sets: setsFor(scope, said.sets), counters: isForAll ? said.counters : {} };
}

/** Those within the scope of a key. */
export function setsFor(scope: Scope, sets: readonly HeldSet[]): HeldSet[] {
  return sets.filter(({ set }) => set !== undefined && covers(scope, set));
}
