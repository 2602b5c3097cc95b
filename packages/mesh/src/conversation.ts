import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Call } from './call.js';

/** Answers one message of a conversation, now or later. What it throws ends the conversation. */
export type Answer<Request, Response> = (request: Request) => Response | Promise<Response>;

/** Messages of one conversation that may wait for their answers at a time; the next ones stay on the wire. */
export const inFlightMax = 1_000;

type Duplex = ServerDuplexStream<unknown, unknown>;

export interface ConversationOptions {
  /** Aborted when the server begins to stop. */
  readonly draining?: AbortSignal;
  /** Told each time that the caller does not read fast enough, with the wait for it. */
  readonly onFull?: (wait: Promise<void>) => void;
}

/**
 * Answers each message as it comes, and each answer goes out as soon as it is ready: a slow one
 * holds up none behind it. No async iterators and no promise for answers that are there at once:
 * they cost more than the evaluation between them. Reads nothing while the caller does not read.
 * Resolves when all is answered after the caller's last message, or when the caller is gone; once
 * `draining` is aborted, nothing more is read, and it resolves when what was read is answered.
 */
export function converse(
  stream: Duplex,
  call: Call,
  answer: Answer<unknown, unknown>,
  { draining, onFull }: ConversationOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let inFlight = 0;
    let isEnded = false;
    let isFull = false;
    let isOver = false;
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      draining?.removeEventListener('abort', drain);
      resolve();
    };
    const fail = (error: unknown): void => {
      if (isOver) return;
      isOver = true;
      draining?.removeEventListener('abort', drain);
      stream.pause();
      reject(error);
    };
    const readOn = (): void => {
      if (!isFull && !isEnded && inFlight < inFlightMax && stream.isPaused()) stream.resume();
    };
    const send = (response: unknown): void => {
      if (isOver || stream.write(response) || isFull) return;
      isFull = true;
      stream.pause();
      const wait = new Promise<void>((resolve) => {
        stream.once('drain', resolve);
        stream.once('close', resolve);
      });
      onFull?.(wait);
      void wait.then(() => {
        isFull = false;
        readOn();
      });
    };
    const sendLater = (response: unknown): void => {
      inFlight--;
      send(response);
      if (isEnded && inFlight === 0) finish();
      else readOn();
    };
    stream.on('data', (request: unknown) => {
      if (isOver) return;
      try {
        const response = answer(request);
        if (!(response instanceof Promise)) return send(response);
        response.then(sendLater, fail);
        if (++inFlight >= inFlightMax) stream.pause();
      } catch (error) {
        fail(error);
      }
    });
    stream.on('end', () => {
      isEnded = true;
      if (inFlight === 0) finish();
    });
    stream.on('error', fail);
    const drain = (): void => {
      isEnded = true;
      stream.pause();
      if (inFlight === 0) finish();
    };
    draining?.addEventListener('abort', drain, { once: true });
    call.signal.addEventListener('abort', finish, { once: true });
    if (call.signal.aborted) finish();
    else if (draining?.aborted) drain();
  });
}
