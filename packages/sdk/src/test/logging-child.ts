/** A process that logs events without end, until it is killed: `node logging-child.js TARGET SPOOL_DIR`. */
import { setTimeout as delay } from 'node:timers/promises';
import { Sluice } from '../index.js';
import { key } from './mesh.js';

const [target = '', spoolDir = ''] = process.argv.slice(2);
const client = new Sluice({ key, target, ingestionTarget: target, spoolDir, lingerMs: 5 });
for (let at = 0; ; at++) {
  client.log({ userID: `u${at}` }, 'paid', { value: at });
  if (at % 50 === 0) await delay(1);
}
