/**
 * A bare grpc-js server in a process of its own, which writes the same bytes to every stream when it is
 * told to: what an evaluator's relay is measured against. Prints its port; ends with its parent.
 */
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';

const bytes = Buffer.alloc(Number(process.argv[2]), 1);
const asIs = (message: Buffer): Buffer => message;
const streams = new Set<ServerWritableStream<Buffer, Buffer>>();

const server = new Server();
server.addService(
  {
    watch: {
      path: '/bench.Relay/Watch',
      requestStream: false,
      responseStream: true,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    watch: (stream: ServerWritableStream<Buffer, Buffer>) => {
      streams.add(stream);
      stream.on('close', () => streams.delete(stream));
      // An empty message shows that the server knows of the stream.
      stream.write(Buffer.alloc(0));
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.(port);
});
process.on('message', () => {
  for (const stream of streams) stream.write(bytes);
});
process.on('disconnect', () => process.exit(0));
