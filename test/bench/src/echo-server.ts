/**
 * A bare grpc-js server in a process of its own: answers every call with the same bytes. What an
 * evaluator is measured against. Prints its port; ends with its parent.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';

const responseBytes = Number(process.argv[2]);
const response = Buffer.alloc(responseBytes, 1);
const asIs = (bytes: Buffer): Buffer => bytes;

const server = new Server();
server.addService(
  {
    echo: {
      path: '/bench.Echo/Echo',
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  { echo: (_call: unknown, callback: (error: null, value: Buffer) => void) => callback(null, response) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.(port);
});
process.on('disconnect', () => process.exit(0));
