import { sharedClock } from '@sluice/mesh';
import { headers, type MsgHdrs } from 'nats';

const traceHeader = 'traceparent';
/** When it was handed to the server, Unix milliseconds with fractions: a plain subscription has no other word on it. */
const publishedHeader = 'Sluice-Published-At';

export function traceparentOf(received: MsgHdrs | undefined): string | undefined {
  return received?.get(traceHeader) || undefined;
}

export function publishedAtMsOf(received: MsgHdrs | undefined): number | undefined {
  const ms = Number(received?.get(publishedHeader) || Number.NaN);
  return Number.isFinite(ms) ? ms : undefined;
}

/** Headers that carry the trace on, or none. */
export function headersWith(traceparent: string | undefined): MsgHdrs | undefined {
  if (traceparent === undefined) return undefined;
  const sent = headers();
  sent.set(traceHeader, traceparent);
  return sent;
}

/** Those of a message of a stream: the trace, and when it was sent. */
export function publishedHeaders(traceparent: string | undefined): MsgHdrs {
  const sent = headersWith(traceparent) ?? headers();
  sent.set(publishedHeader, String(sharedClock.now()));
  return sent;
}
