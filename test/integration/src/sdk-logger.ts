/** A process that logs events by the SDK until it is killed: `node sdk-logger.js TARGET KEY SPOOL_DIR NAME`. */
import { RemoteSluice } from '@sluice/sdk';

const [target = '', key = '', spoolDir = '', name = ''] = process.argv.slice(2);
const client = new RemoteSluice({ key, target, ingestionTarget: target, spoolDir, lingerMs: 10 });
let value = 0;
setInterval(() => {
  for (let at = 0; at < 20; at++) client.log({ userID: 'logger' }, name, { value: value++ });
}, 10);
