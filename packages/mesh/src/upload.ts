import type { ClientWritableStream } from '@grpc/grpc-js';

/**
 * Sends messages as fast as the other side takes them, then says that there are no more. Stops
 * when the call is over; cancels it when the messages can't be had.
 */
export async function sendAll<Request>(
  stream: ClientWritableStream<Request>,
  requests: Iterable<Request> | AsyncIterable<Request>,
  isOver: () => boolean,
): Promise<void> {
  for await (const request of requests) {
    if (isOver()) return;
    if (!stream.write(request)) await drained(stream);
  }
  stream.end();
}

/** Also resolves when the call is over: then nobody drains any more. */
function drained(stream: ClientWritableStream<never>): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of ['drain', 'close', 'error', 'status']) stream.off(event, settle);
      resolve();
    };
    for (const event of ['drain', 'close', 'error', 'status']) stream.once(event, settle);
  });
}
