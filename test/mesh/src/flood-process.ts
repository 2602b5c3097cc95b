/** One kind of flood, until it is killed. Arguments: kind, host, port, key, calls per second. */
import * as floods from '@sluice/mesh/floods';
import { EvaluateRequest, EvaluationServiceService } from '@sluice/proto';
import { set } from './lab.js';

const [what = '', host = '', port = '', key = '', perSecond = ''] = process.argv.slice(2);
const place = { host, port: Number(port) };
const { path } = EvaluationServiceService.evaluate;
const socketsEach = 100;
const pauseMs = 100;
const mebibyte = 1024 * 1024;

/** With its length in front, as gRPC sends it. */
function messageOf(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const request = messageOf(
  EvaluateRequest.encode(EvaluateRequest.fromPartial({ set, user: { userId: 'ada' } })).finish(),
);

/** What is done again and again. */
const rounds: Readonly<Record<string, () => Promise<void>>> = {
  'slow-loris': async () => {
    const session = floods.openSession(place);
    for (let at = 0; at < socketsEach; at++) floods.openCall(session, { path }).write(request.subarray(0, 2));
  },
  'half prefaces': async () => void (await floods.sayAndWait(place, socketsEach, floods.halfPreface)),
  'rapid reset': async () => floods.resetRapidly(floods.openSession(place), 1_000),
  headers: async () => {
    const session = floods.openSession(place);
    const headers = { 'x-bloat': 'x'.repeat(60_000) };
    for (let at = 0; at < 20; at++) floods.openCall(session, { path, headers }).end(request);
  },
  pings: async () => void (await floods.floodWithPings(place, 5_000)),
  settings: async () => void (await floods.floodWithSettings(place, 5_000)),
  oversize: async () => {
    const session = floods.openSession(place);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(64 * mebibyte, 1);
    for (let at = 0; at < 4; at++)
      floods.openCall(session, { path }).write(Buffer.concat([head, Buffer.alloc(mebibyte)]));
  },
};

const round = rounds[what];
process.send?.('started');
if (round === undefined) floods.floodWithCalls(place, key, Number(perSecond), { path, request });
else {
  for (;;) {
    await round();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
