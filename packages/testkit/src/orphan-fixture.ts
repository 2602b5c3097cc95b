/** A test process of its own for guardian.test.ts: starts a server, says which, and waits to be killed. */
import { startServers } from './servers.js';

const { nats, folders } = await startServers({ nats: true });
process.stdout.write(`${nats?.pid} ${folders.root}\n`);
setInterval(() => undefined, 1_000);
