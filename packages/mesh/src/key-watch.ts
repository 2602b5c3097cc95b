import type { Authenticate } from './auth.js';
import { SluiceError } from './errors.js';

const lookEveryMs = 1_000;

/** Watches over the key of a stream, which may be revoked while the stream is open. */
export interface KeyWatch {
  /** Aborted, with the refusal as its reason, within about a second of the revocation. */
  readonly revoked: AbortSignal;
  stop(): void;
}

export function watchKey(authenticate: Authenticate, authorization: string | undefined): KeyWatch {
  const controller = new AbortController();
  const look = async (): Promise<void> => {
    try {
      await authenticate(authorization);
    } catch (error) {
      // Whoever can't tell at the moment does not know of a revocation.
      if (error instanceof SluiceError && error.kind === 'unauthenticated') controller.abort(error);
    }
  };
  const timer = setInterval(() => void look(), lookEveryMs).unref();
  return { revoked: controller.signal, stop: () => clearInterval(timer) };
}
