/** Stands between the services and nats-server and breaks one promise of theirs: to prove that the drill would see it. */
import { createServer, connect as dial, type Socket } from 'node:net';

export type Tampering =
  /** Takes the id by which the log tells a repeat from every message; some come twice, as when an answer was lost. */
  | 'no message id'
  /** Says that the log has a message before it gets it. */
  | 'ack before publish';

export interface Tamperer {
  readonly url: string;
  /** Messages that were tampered with. */
  readonly count: number;
  close(): Promise<void>;
}

/** How long a message that was acknowledged already takes to the log. */
const headStartMs = 1_500;
/** One message in so many comes twice. */
const repeatEvery = 5;
const withPayload: readonly string[] = ['PUB', 'HPUB', 'MSG', 'HMSG'];
const eventSubject = /^events(-\d)?\.v1\./;

/** `natsUrl`: the real server. */
export async function tamperWithNats(natsUrl: string, what: Tampering): Promise<Tamperer> {
  const { hostname, port } = new URL(natsUrl);
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((near) => {
    const far = dial(Number(port), hostname);
    const note = (): void => void count++;
    const tampered = what === 'no message id' ? stripIds(far, note) : acknowledgeEarly(near, far, note);
    near.on('data', tampered.fromClient);
    far.on('data', tampered.fromServer ?? ((chunk: Buffer) => near.write(chunk)));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  return {
    url: `nats://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`,
    get count() {
      return count;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Frame {
  /** The line's words, such as `PUB`, subject, reply, size. */
  readonly words: readonly string[];
  readonly payload: Buffer;
  /** All of it, as it came. */
  readonly bytes: Buffer;
}

/** Cuts what one side says into whole frames of the protocol. */
function framesTo(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      const lineEnd = held.indexOf('\r\n');
      if (lineEnd < 0) return;
      const words = held.toString('latin1', 0, lineEnd).split(/\s+/);
      const size = withPayload.includes((words[0] ?? '').toUpperCase()) ? Number(words.at(-1)) + 2 : 0;
      const end = lineEnd + 2 + size;
      if (held.length < end) return;
      const payload = held.subarray(lineEnd + 2, Math.max(end - 2, lineEnd + 2));
      onFrame({ words, payload, bytes: held.subarray(0, end) });
      held = held.subarray(end);
    }
  };
}

interface Tampered {
  readonly fromClient: (chunk: Buffer) => void;
  readonly fromServer?: (chunk: Buffer) => void;
}

function stripIds(far: Socket, note: () => void): Tampered {
  let messages = 0;
  return {
    fromClient: framesTo(({ words, payload, bytes }) => {
      const isEvent = words[0]?.toUpperCase() === 'HPUB' && eventSubject.test(words[1] ?? '');
      if (!isEvent) return void far.write(bytes);
      const headBytes = Number(words.at(-2));
      const head = payload.toString('latin1', 0, headBytes).replace(/Nats-Msg-Id:[^\r]*\r\n/i, '');
      const body = payload.subarray(headBytes);
      const line = [...words.slice(0, -2), head.length, head.length + body.length].join(' ');
      note();
      const message = Buffer.concat([Buffer.from(`${line}\r\n${head}`, 'latin1'), body, Buffer.from('\r\n')]);
      far.write(message);
      if (++messages % repeatEvery === 0) far.write(message);
    }),
  };
}

function acknowledgeEarly(near: Socket, far: Socket, note: () => void): Tampered {
  /** Subscriptions of the client, by the subject they are for. */
  const subscriptions = new Map<string, string>();
  let sequence = 0;
  const idFor = (subject: string): string | undefined => {
    for (const [wanted, id] of subscriptions) {
      if (wanted.endsWith('*') ? subject.startsWith(wanted.slice(0, -1)) : subject === wanted) return id;
    }
    return undefined;
  };
  return {
    fromClient: framesTo(({ words, bytes }) => {
      const verb = words[0]?.toUpperCase();
      if (verb === 'SUB') subscriptions.set(words[1] ?? '', words.at(-1) ?? '');
      const reply = verb === 'HPUB' && words.length === 5 ? words[2] : undefined;
      const id = reply !== undefined && eventSubject.test(words[1] ?? '') ? idFor(reply) : undefined;
      if (id === undefined) return void far.write(bytes);
      const answer = JSON.stringify({ stream: 'EVENTS', seq: ++sequence });
      near.write(`MSG ${reply} ${id} ${answer.length}\r\n${answer}\r\n`);
      note();
      const copy = Buffer.from(bytes);
      setTimeout(() => far.writable && far.write(copy), headStartMs).unref();
    }),
    // Whole frames only: our own answers go in between.
    fromServer: framesTo(({ bytes }) => void near.write(bytes)),
  };
}
