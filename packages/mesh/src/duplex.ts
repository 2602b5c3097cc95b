import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { SluiceError } from './errors.js';
import { errorOf } from './status.js';
import { type Bounds, onAbort } from './within.js';

/** Who listens to the other side of a conversation. */
export interface DuplexListener<Response> {
  onMessage(response: Response): void;
  /** Called once, last. Without an error when the server ended the conversation well. */
  onEnd(error: SluiceError | undefined): void;
}

/** The caller's side of a conversation. */
export interface Duplex<Request> {
  /** Sends a message. @returns false when the caller should wait for `drained` before the next one. */
  write(request: Request): boolean;
  /** Resolves when there is room for more, or when the conversation is over. */
  drained(): Promise<void>;
  /** No more messages will come; answers still do. */
  end(): void;
  /** Ends both directions now; `onEnd` gets an error of kind `cancelled`. */
  cancel(): void;
}

/** Callbacks rather than async iterators: those take longer than a message does. */
export function openDuplex<Request, Response>(
  stream: ClientDuplexStream<Request, Response>,
  listener: DuplexListener<Response>,
  bounds: Bounds,
): Duplex<Request> {
  const cancel = (): void => stream.cancel();
  let isOver = false;
  let isFull = false;
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    isFull = false;
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const finish = (error: SluiceError | undefined): void => {
    if (isOver) return;
    isOver = true;
    release();
    wake();
    listener.onEnd(error);
  };
  stream.on('data', (response: Response) => listener.onMessage(response));
  stream.on('drain', wake);
  stream.on('error', (error: ServiceError) => finish(errorOf(error)));
  // 'end' may come ahead of an error; the status is the last word.
  stream.on('status', ({ code }) => {
    if (code === 0) finish(undefined);
  });
  const release = onAbort(bounds, cancel);
  return {
    write: (request) => {
      if (isOver) return false;
      if (!stream.write(request)) isFull = true;
      return !isFull;
    },
    drained: () => (isFull && !isOver ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    end: () => stream.end(),
    cancel,
  };
}
