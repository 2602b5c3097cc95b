import { headers, type MsgHdrs } from 'nats';

const traceHeader = 'traceparent';

export function traceparentOf(received: MsgHdrs | undefined): string | undefined {
  return received?.get(traceHeader) || undefined;
}

/** Headers that carry the trace on, or none. */
export function headersWith(traceparent: string | undefined): MsgHdrs | undefined {
  if (traceparent === undefined) return undefined;
  const sent = headers();
  sent.set(traceHeader, traceparent);
  return sent;
}
