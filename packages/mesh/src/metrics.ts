import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { HostPort } from './env.js';
import type { MeshConfig } from './mesh-config.js';

/** What tells the series of one metric apart, such as `{ method: … }`. Few values each: every combination is kept. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a gauge or counter, as of the scrape. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
}

/** Looks at the present, when somebody scrapes and not before. */
export type Observe = () => Iterable<Sample>;

export interface Histogram {
  record(value: number, labels: Labels): void;
}

/** Answers GET and HEAD for one path. */
export type Page = (request: IncomingMessage, response: ServerResponse) => void;

/** The metrics of one process. What is called twice by the same name is one metric. */
export interface Metrics {
  /** `bounds`: upper bounds of the buckets, ascending, in the metric's unit. */
  histogram(name: string, description: string, bounds: readonly number[]): Histogram;
  /** A level that goes up and down. */
  gauge(name: string, description: string, observe: Observe): void;
  /** A count since the start; its name gets the ending `_total`. */
  counter(name: string, description: string, observe: Observe): void;
  /** Called ahead of each scrape, to make metrics whose names are known only then. */
  onScrape(prepare: () => void): void;
  /** Serves another path of the same address. */
  page(path: string, answer: Page): void;
  /** Where it is scraped; absent when nobody asked for metrics. */
  readonly url: string | undefined;
  close(): Promise<void>;
}

/** Connections to the address of the metrics at a time; pages that stay open have to leave room for scrapers. */
export const connectionsMax = 256;

const nothing: Histogram = { record: () => undefined };

/** Metrics that nobody reads, at no cost. */
export const noMetrics: Metrics = {
  histogram: () => nothing,
  gauge: () => undefined,
  counter: () => undefined,
  onScrape: () => undefined,
  page: () => undefined,
  url: undefined,
  close: () => Promise.resolve(),
};

/** Bounds for waits from a quarter of a millisecond to 10 s, in seconds. */
export const secondsBounds: readonly number[] = [
  0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5,
  10,
];

/**
 * Serves `/metrics` in Prometheus' text format on the address of `<SERVICE>_METRICS_ADDR`.
 * @throws Error when it can't listen there.
 */
export async function startMetrics(
  mesh: Pick<MeshConfig, 'identity' | 'metricsAddr'>,
  logger: Logger,
): Promise<Metrics> {
  const { identity, metricsAddr } = mesh;
  if (metricsAddr === undefined) return noMetrics;
  // Loaded only when wanted, as everything of OpenTelemetry: programs with a client alone have no use for it.
  const [{ MeterProvider }, { PrometheusExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-prometheus'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const resource = resourceFromAttributes({
    'service.name': identity.service,
    'service.instance.id': identity.instance,
    'service.version': identity.version,
    'cloud.region': identity.region,
  });
  const meter = new MeterProvider({ readers: [exporter], resource }).getMeter('sluice');
  const prepares: (() => void)[] = [];
  const scrape: Page = (request, response) => {
    for (const prepare of prepares) prepare();
    exporter.getMetricsRequestHandler(request, response);
  };
  const pages = new Map([['/metrics', scrape]]);
  const server = createServer((request, response) => answer(request, response, pages));
  const url = `http://${await listen(server, metricsAddr)}/metrics`;
  logger.info({ url }, 'metrics can be scraped');
  return {
    histogram: (name, description, bounds) =>
      meter.createHistogram(name, { description, advice: { explicitBucketBoundaries: [...bounds] } }),
    gauge: (name, description, observe) => {
      meter.createObservableGauge(name, { description }).addCallback((result) => {
        for (const { value, labels } of observe()) result.observe(value, labels);
      });
    },
    counter: (name, description, observe) => {
      meter.createObservableCounter(name, { description }).addCallback((result) => {
        for (const { value, labels } of observe()) result.observe(value, labels);
      });
    },
    onScrape: (prepare) => void prepares.push(prepare),
    page: (path, answerWith) => void pages.set(path, answerWith),
    url,
    close: () => closeServer(server),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, pages: ReadonlyMap<string, Page>): void {
  const page = pages.get(request.url?.split('?')[0] ?? '');
  if (!page) {
    const paths = [...pages.keys()].sort().join(', ');
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`There is only ${paths} here.\n`);
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
  } else {
    page(request, response);
  }
}

function listen(server: Server, { host, port }: HostPort): Promise<string> {
  // A scraper that hangs must not hold anything for long.
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  server.maxConnections = connectionsMax;
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`Can't serve metrics on ${host}:${port}: ${error.message}`)));
    server.listen({ host, port }, () => {
      const bound = server.address();
      resolve(`${host}:${typeof bound === 'object' && bound !== null ? bound.port : port}`);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
