/**
 * A bare grpc-js server in a process of its own that works for each call, and hangs for some of them.
 * Arguments: milliseconds of work, share of calls that hang, milliseconds for which they do. Prints its
 * port; says how many calls came when it is asked; ends with its parent.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';

const [workMs = 0, hangShare = 0, hangMs = 0] = process.argv.slice(2).map(Number);
const asIs = (bytes: Buffer): Buffer => bytes;
let calls = 0;

function work(): void {
  const until = performance.now() + workMs;
  while (performance.now() < until);
}

const server = new Server();
const codec = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
server.addService(
  { echo: { path: '/bench.Echo/Echo', requestStream: false, responseStream: false, ...codec } },
  {
    echo: ({ request }: { request: Buffer }, callback: (error: null, value: Buffer) => void) => {
      calls++;
      work();
      if (Math.random() < hangShare) setTimeout(() => callback(null, request), hangMs);
      else callback(null, request);
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.(port);
});
process.on('message', () => process.send?.(calls));
process.on('disconnect', () => process.exit(0));
