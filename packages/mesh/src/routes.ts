import type { ServiceDefinition } from '@grpc/grpc-js';
import { isRepeatable } from './repeatable.js';

/** How the calls of a method are treated before they are read. */
export interface Route {
  readonly path: string;
  /** Waits for its turn under load, and is turned away when there is none. */
  readonly isAdmitted: boolean;
  /** Counts against the rate of its key. */
  readonly isRated: boolean;
  /** What happens to a call whose caller gives no deadline: it gets the usual one, the longest one, or none. */
  readonly deadline: 'usual' | 'longest' | 'none';
  /** Its caller repeats it elsewhere when it is turned away. */
  readonly isRepeatable: boolean;
  /** The request, one message, has to come soon, though the call may last. */
  readonly awaitsRequest: boolean;
}

/** Of everybody, those asked in a crisis: who is alive, and what has changed. */
const critical = /^\/(grpc\.health\.|grpc\.reflection\.|sluice\.health\.v1\.InstanceService\/)/;
/** Those that ask for no key, and tell nothing but that somebody is alive. */
const keyless = /^\/grpc\.(health|reflection)\./;

/** For methods that nobody implements: gRPC says so itself. */
export const unknownRoute: Route = {
  path: '',
  isAdmitted: false,
  isRated: true,
  deadline: 'usual',
  isRepeatable: true,
  awaitsRequest: false,
};

/**
 * Routes by path. Health and change streams are never turned away, what instances say of themselves
 * only from a key that asks too often; other streams last, and are slowed down by not being read. All
 * the rest waits for its turn.
 */
export function routesOf(definitions: Iterable<ServiceDefinition>): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const definition of definitions) {
    for (const { path, requestStream, responseStream } of Object.values(definition)) {
      const isCritical = critical.test(path);
      const isUnary = !requestStream && !responseStream;
      routes.set(path, {
        path,
        isAdmitted: isUnary && !isCritical,
        isRated: !keyless.test(path) && !(responseStream && !requestStream),
        deadline: responseStream ? 'none' : requestStream ? 'longest' : 'usual',
        isRepeatable: isRepeatable(path.slice(path.lastIndexOf('/') + 1)),
        awaitsRequest: responseStream && !requestStream,
      });
    }
  }
  return routes;
}
