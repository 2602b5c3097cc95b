import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.js';

/** From the span up to its root: `service: name` of each ancestor, the span itself last. */
function lineage(trace: readonly ReceivedSpan[], span: ReceivedSpan): string[] {
  const parent = trace.find(({ spanId }) => spanId === span.parentSpanId);
  assert(parent || span.parentSpanId === '', `the parent of ${span.service}: ${span.name} is not in the trace`);
  return [...(parent ? lineage(trace, parent) : []), `${span.service}: ${span.name}`];
}

/** That `steps` occur in the lineage in this order, whatever else lies between them. */
function assertPasses(actual: readonly string[], steps: readonly RegExp[]): void {
  let from = 0;
  for (const step of steps) {
    const at = actual.findIndex((line, index) => index >= from && step.test(line));
    assert(at >= 0, `no ${step} after step ${from} in:\n  ${actual.join('\n  ')}`);
    from = at + 1;
  }
}

describe('one trace', () => {
  let receiver: OtlpReceiver;
  let mesh: TestMesh;
  const names = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_BSP_SCHEDULE_DELAY'] as const;

  before(async function () {
    this.timeout(60_000);
    receiver = await startOtlpReceiver();
    const values = [receiver.url, 'http/json', '100'];
    const env = Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
    mesh = await startMesh({ evaluators: 2, env });
    const applied = await mesh.sluice(
      'apply',
      fileURLToPath(new URL('../../../examples/storefront.yaml', import.meta.url)),
    );
    assert.equal(applied.code, 0, applied.stderr);
    // From here on the command line sends its own spans too.
    Object.assign(process.env, env);
  });

  after(async () => {
    for (const name of names) delete process.env[name];
    await mesh?.stop();
    receiver?.close();
  });

  /** A backend of somebody's own, which reads from the first evaluator. */
  async function startProgram(key: string) {
    const target = `static:///${mesh.process('evaluation-1').address}`;
    const file = fileURLToPath(new URL('./sdk-process.js', import.meta.url));
    const env = { ...process.env, OTEL_SERVICE_NAME: 'backend' };
    const args = ['--import', '@sluice/mesh/telemetry', file, target, key];
    const program = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    await once(program.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
    return program;
  }

  it('leads from `sluice gate set` through config, PostgreSQL and NATS to each evaluator, and to an SDK', async () => {
    const { stdout } = await mesh.sluice('key', 'create', '--class', 'server', '--label', 'traced', '--json');
    const program = await startProgram((JSON.parse(stdout) as { secret: string }).secret);
    try {
      const set = await mesh.sluice('gate', 'set', 'express-checkout', '--rollout', '35', '--wait');
      assert.equal(set.code, 0, set.stderr);
      await eventually(() => {
        const trace = receiver.traceOf('sluice.config.v1.ConfigService/UpdateGate');
        const applies = trace.filter(({ name, service }) => name === 'ruleset.apply' && service === 'evaluation');
        assert.deepEqual(applies.map(({ instance }) => instance).toSorted(), ['evaluation-1', 'evaluation-2']);
        for (const apply of applies) {
          assertPasses(lineage(trace, apply), [
            /^sluice: /,
            /^config: sluice\.config\.v1\.ConfigService\/UpdateGate$/,
            /^config: publish ruleset\.v1\.storefront\.development$/,
            /^evaluation: ruleset\.apply$/,
          ]);
        }
        const [sdk] = trace.filter(({ name, service }) => name === 'ruleset.apply' && service === 'backend');
        assert(sdk, 'the SDK applied it');
        assertPasses(lineage(trace, sdk), [
          /^config: publish /,
          /^evaluation: ruleset\.apply$/,
          /^backend: ruleset\.apply$/,
        ]);
        const statements = trace.filter(({ name }) => name.startsWith('db.query'));
        assert(statements.length >= 3, 'the PostgreSQL statements are in the trace');
        for (const statement of statements) {
          assertPasses(lineage(trace, statement), [
            /^sluice: /,
            /^config: .*(UpdateGate|WaitForRevision)$/,
            /^config: db\.query/,
          ]);
        }
      });
    } finally {
      program.stdin.end();
      await once(program, 'exit');
    }
  }).timeout(30_000);

  it('leads from `sluice check` through evaluation, ingestion and JetStream to the row in PostgreSQL', async () => {
    const check = await mesh.sluice('check', 'express-checkout', '--user', '{"userID":"traced"}');
    assert.equal(check.code, 0, check.stderr);
    await eventually(() => {
      const trace = receiver.traceOf('sluice.evaluation.v1.EvaluationService/Evaluate');
      const inserts = trace.filter(({ service, name }) => service === 'ingestion' && name.startsWith('db.query'));
      assert(inserts.length > 0, 'the writer is in the trace');
      for (const insert of inserts) {
        assertPasses(lineage(trace, insert), [
          /^sluice: /,
          /^evaluation: sluice\.evaluation\.v1\.EvaluationService\/Evaluate$/,
          /^ingestion: sluice\.ingestion\.v1\.IngestionService\/LogEvents$/,
          /^ingestion: publish events\.v1\.local\.storefront\.development$/,
          /^ingestion: db\.query/,
        ]);
      }
    });
  }).timeout(30_000);
});
