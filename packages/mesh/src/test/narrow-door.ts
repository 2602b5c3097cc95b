/** A way to an address that has room for hardly anybody who waits to be let in. Argument: `host:port`. Prints its port. */
import { type AddressInfo, connect, createServer } from 'node:net';

const [host = '', port = ''] = (process.argv[2] ?? '').split(':');

const server = createServer((inner) => {
  const outer = connect(Number(port), host);
  inner.pipe(outer).pipe(inner);
  for (const socket of [inner, outer]) {
    socket.on('error', () => {
      inner.destroy();
      outer.destroy();
    });
  }
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
