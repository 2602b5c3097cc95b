import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { findFreeBlock, parseBasePort, planPorts, requireFree } from './port-plan.js';
import { freePorts } from './ports.js';

describe('ports', () => {
  it('all follow from one number, and none twice', () => {
    const ports = planPorts(7_400);
    assert.equal(ports.consulHttp, 7_400);
    assert.equal(ports.evaluation2, 7_441);
    assert.equal(new Set(Object.values(ports)).size, Object.values(ports).length);
    assert(Object.values(ports).every((port) => port >= 7_400 && port < 7_500));
  });

  it('are read from text, and what is no port is refused by name', () => {
    assert.equal(parseBasePort('7500'), 7_500);
    for (const text of ['80', '65500', '7.5', '-1', 'seven', '7500x', '']) {
      assert.throws(() => parseBasePort(text), /^StackProblem: PORT is ".*": it must be a whole number from 1024/);
    }
  });

  it('find a block in which all are free', async () => {
    const base = await findFreeBlock();
    assert.equal(base % 100, 0);
    await requireFree(Object.entries(planPorts(base)).map(([name, port]) => ({ name, port })));
  });

  it('that are taken are named with their holder and the way out', async () => {
    const [port = 0] = await freePorts(1);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await assert.rejects(requireFree([{ name: 'nats', port }]), (error: Error) => {
      assert.match(error.message, new RegExp(`^Port ${port}, wanted by nats, is held by process ${process.pid} \\(`));
      assert.match(error.message, /make up PORT=/);
      return true;
    });
    server.close();
  });
});
