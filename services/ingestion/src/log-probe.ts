import type { Bus } from '@sluice/bus';

/** Whether the log answers, and how much waits in it. */
export interface LogProbe {
  /** Asks the log. */
  isReady(): Promise<boolean>;
  /** Messages that no writer has settled yet, when it was asked last. */
  messagesPending(): number;
}

/** A log that takes longer is of no use to a caller who waits. */
const patienceMs = 1_000;

/** `isMade`: whether the stream is known to exist with its limits. */
export function createLogProbe(
  bus: Pick<Bus, 'isConnected' | 'streamState'>,
  stream: string,
  isMade: () => boolean,
  timeoutMs: number = patienceMs,
): LogProbe {
  let pending = 0;
  return {
    isReady: async () => {
      if (!bus.isConnected() || !isMade()) return false;
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new Error('the log does not answer')), timeoutMs);
      try {
        pending = (await Promise.race([bus.streamState(stream), late])).messages;
        return true;
      } catch {
        return false;
      } finally {
        clearTimeout(timer);
      }
    },
    messagesPending: () => pending,
  };
}
