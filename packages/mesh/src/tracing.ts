import {
  type Attributes,
  context,
  type Context as OtelContext,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

/**
 * Spans only for sampled work. When nothing is sampled, `withSpan` costs one branch: that is
 * why the mesh has this instead of automatic instrumentation, which took a third of the
 * throughput of an evaluator.
 */
export type SpanRole = 'internal' | 'client' | 'server' | 'producer' | 'consumer';

const spanKinds: Readonly<Record<SpanRole, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

export interface SpanOptions {
  readonly kind?: SpanRole;
  readonly attributes?: Attributes;
  /**
   * W3C traceparent that this span continues; `undefined` runs without a span. Leave the key
   * out to continue the active span.
   */
  readonly parent?: string | undefined;
  /** Start a new trace when there is nothing to continue. */
  readonly isRoot?: boolean;
  /** Traceparents of other requests that this work also serves. */
  readonly links?: readonly string[];
}

let isOn = false;
let rootRatio = 1;
const tracer = trace.getTracer('sluice');

/** Called by telemetry once an exporter runs. `ratio` is the share of new traces that are sampled, 0 to 1. */
export function enableTracing(ratio: number): void {
  isOn = true;
  rootRatio = ratio;
}

/** Whether a call that arrives with this traceparent is to be traced. */
export function isSampled(traceparent: string | undefined): boolean {
  if (!isOn) return false;
  if (traceparent === undefined) return Math.random() < rootRatio;
  return parseTraceparent(traceparent)?.traceFlags === TraceFlags.SAMPLED;
}

/** The active sampled span as a W3C traceparent. */
export function currentTraceparent(): string | undefined {
  if (!isOn) return undefined;
  const active = trace.getSpanContext(context.active());
  return active && isRecorded(active) ? formatTraceparent(active) : undefined;
}

/** Ids of the active sampled span, named as logs carry them. */
export function currentTrace(): { trace_id: string; span_id: string } | undefined {
  if (!isOn) return undefined;
  const active = trace.getSpanContext(context.active());
  return active && isRecorded(active) ? { trace_id: active.traceId, span_id: active.spanId } : undefined;
}

const noSpan: Span = trace.wrapSpanContext({
  traceId: '',
  spanId: '',
  traceFlags: TraceFlags.NONE,
});

/** Runs `work` inside a span that ends with it; errors are recorded and thrown on. */
export function withSpan<T>(name: string, options: SpanOptions, work: (span: Span) => T): T {
  const parent = isOn ? parentOf(options) : undefined;
  if (parent === undefined) return work(noSpan);
  const links = (options.links ?? []).flatMap((link) => parseTraceparent(link) ?? []).map((context) => ({ context }));
  const span = tracer.startSpan(
    name,
    {
      kind: spanKinds[options.kind ?? 'internal'],
      attributes: options.attributes ?? {},
      links,
    },
    parent,
  );
  return context.with(trace.setSpan(parent, span), () => settle(span, work));
}

function settle<T>(span: Span, work: (span: Span) => T): T {
  try {
    const result = work(span);
    if (!(result instanceof Promise)) {
      span.end();
      return result;
    }
    return result.then(
      (value) => {
        span.end();
        return value;
      },
      (error: unknown) => {
        fail(span, error);
        throw error;
      },
    ) as T;
  } catch (error) {
    fail(span, error);
    throw error;
  }
}

function fail(span: Span, error: unknown): void {
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: error instanceof Error ? error.message : String(error),
  });
  span.end();
}

function parentOf(options: SpanOptions): OtelContext | undefined {
  if ('parent' in options) {
    const remote = options.parent === undefined ? undefined : parseTraceparent(options.parent);
    if (remote && isRecorded(remote)) return trace.setSpanContext(ROOT_CONTEXT, remote);
  } else {
    const active = context.active();
    const span = trace.getSpanContext(active);
    if (span && isRecorded(span)) return active;
  }
  return options.isRoot && Math.random() < rootRatio ? ROOT_CONTEXT : undefined;
}

function isRecorded(span: SpanContext): boolean {
  return (span.traceFlags & TraceFlags.SAMPLED) !== 0;
}

function formatTraceparent(span: SpanContext): string {
  return `00-${span.traceId}-${span.spanId}-0${span.traceFlags.toString(16)}`;
}

function parseTraceparent(text: string): SpanContext | undefined {
  const match = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(text);
  if (!match?.[1] || !match[2] || !match[3]) return undefined;
  const traceFlags = Number.parseInt(match[3], 16) & TraceFlags.SAMPLED;
  return { traceId: match[1], spanId: match[2], traceFlags, isRemote: true };
}
