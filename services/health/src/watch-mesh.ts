import type { Call } from '@sluice/mesh';
import type { GetMeshRequest, WatchMeshResponse } from '@sluice/proto';
import { getMesh, type Handling } from './handlers.js';

const atMostEveryMs = 1_000;

/** The mesh at once, then whenever it looks different. */
export async function* watchMesh(
  handling: Handling,
  request: GetMeshRequest,
  call: Call,
): AsyncGenerator<WatchMeshResponse> {
  while (!call.signal.aborted) {
    const changed = handling.observatory.changed(call.signal);
    yield { mesh: getMesh(handling, request, call) };
    await changed;
    await pause(atMostEveryMs, call.signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = (): void => resolve();
  signal.addEventListener('abort', wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}
