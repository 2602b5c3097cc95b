/** A program with an SDK in it, for tests of what it says of itself: follows a ruleset until its input ends. */
import { stopTelemetry } from '@sluice/mesh';
import { Sluice } from '@sluice/sdk';

const [, , target = '', key = ''] = process.argv;
const client = new Sluice({ key, target, disableExposureLogging: true });
await client.ready();
console.log('ready');
process.stdin.resume().once('end', async () => {
  await client.close({ timeoutMs: 1_000 });
  await stopTelemetry();
});
