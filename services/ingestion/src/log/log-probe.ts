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
  streams: readonly string[],
  isMade: () => boolean,
  timeoutMs: number = patienceMs,
): LogProbe {
  const pending = new Map<string, number>();
  return {
    isReady: async () => {
      if (!bus.isConnected() || !isMade()) return false;
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new Error('the log does not answer')), timeoutMs);
      try {
        const asked = streams.map(async (stream) => {
          pending.set(stream, (await Promise.race([bus.streamState(stream), late])).messages);
        });
        // One shard that answers takes every event.
        await Promise.any(asked);
        return true;
      } catch {
        return false;
      } finally {
        clearTimeout(timer);
      }
    },
    messagesPending: () => [...pending.values()].reduce((sum, messages) => sum + messages, 0),
  };
}
