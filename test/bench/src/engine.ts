/** Decisions per second of Sluice's SDK beside its peers: the same gates, the same users, one run. */
import { type BenchGate, type BenchUser, benchUser, countryGate, mixedGates, planGate, tenRules } from './gates.js';
import { type Contender, measure, printCase } from './measure.js';
import { startFlagd } from './peers/flagd.js';
import { startGrowthBook } from './peers/growthbook.js';
import type { Peer, StartPeer } from './peers/peer.js';
import { startSluice } from './peers/sluice.js';
import { startStatsigCore } from './peers/statsig-core.js';
import { startStatsigLegacy } from './peers/statsig-legacy.js';
import { startUnleash } from './peers/unleash.js';

const usersCount = 1_000;
const mixedCount = 1_000;
const mixed = mixedGates(mixedCount);
const gates: readonly BenchGate[] = [planGate, countryGate, tenRules, ...mixed];
const users = Array.from({ length: usersCount }, (_, index) => benchUser(index));

const starters: readonly StartPeer[] = [
  startSluice,
  startStatsigCore,
  startStatsigLegacy,
  startGrowthBook,
  startUnleash,
  startFlagd,
];

/** One gate for many users, with user objects that were made before. */
function oneGate(peer: Peer, gate: string): Contender {
  const prepared = users.map((user) => peer.toUser(user));
  return {
    name: peer.name,
    run: (batch) => {
      for (let i = 0; i < batch; i++) peer.isOn(gate, prepared[i % usersCount]);
    },
  };
}

function manyGates(peer: Peer): Contender {
  const prepared = users.map((user) => peer.toUser(user));
  const names = mixed.map(({ name }) => name);
  return {
    name: peer.name,
    run: (batch) => {
      for (let i = 0; i < batch; i++) {
        peer.isOn(names[i % mixedCount] ?? '', prepared[((i / mixedCount) | 0) % usersCount]);
      }
    },
  };
}

function freshUser(peer: Peer): Contender {
  return {
    name: peer.name,
    run: (batch) => {
      for (let i = 0; i < batch; i++) peer.isOn(countryGate.name, peer.toUser(users[i % usersCount] as BenchUser));
    },
  };
}

let strangers = 0;

/** Nothing that is remembered about units helps here. */
function stranger(peer: Peer): Contender {
  const user: { -readonly [Key in keyof BenchUser]: BenchUser[Key] } = { ...benchUser(0) };
  return {
    name: peer.name,
    run: (batch) => {
      for (let i = 0; i < batch; i++) {
        user.userID = `stranger-${strangers++}`;
        peer.isOn(countryGate.name, peer.toUser(user));
      }
    },
  };
}

function everythingForStranger(peer: Peer): Contender {
  const user: { -readonly [Key in keyof BenchUser]: BenchUser[Key] } = { ...benchUser(0) };
  return {
    name: peer.name,
    run: (batch) => {
      for (let i = 0; i < batch; i++) {
        user.userID = `stranger-${strangers++}`;
        peer.evaluateAll(peer.toUser(user));
      }
    },
  };
}

function everything(peer: Peer): Contender {
  const prepared = users.map((user) => peer.toUser(user));
  return {
    name: peer.name,
    run: (batch) => {
      for (let i = 0; i < batch; i++) peer.evaluateAll(prepared[i % usersCount]);
    },
  };
}

/** What share of users each peer lets through: far from the others, and it does other work. */
function printShares(peers: readonly Peer[]): void {
  console.log('\nShare of users that pass (who differs decides something else)');
  for (const peer of peers) {
    const shares = [planGate, countryGate, tenRules].map(({ name }) => {
      const on = users.filter((user) => peer.isOn(name, peer.toUser(user))).length;
      return `${name} ${((on / usersCount) * 100).toFixed(1)} %`;
    });
    console.log(`  ${peer.name.padEnd(30)}${peer.version.padEnd(10)}${shares.join('   ')}`);
  }
}

export async function benchEngine(): Promise<void> {
  // While nobody else's garbage is in the process.
  await benchExposures();
  const peers = await Promise.all(starters.map((start) => start(gates, { logsExposures: false })));
  const sluice = peers[0]?.name ?? '';
  printShares(peers);
  const run = (title: string, contender: (peer: Peer) => Contender): void =>
    printCase(title, measure(peers.map(contender)), sluice);
  run('Gate without a hash', (peer) => oneGate(peer, planGate.name));
  run('Country in a list, then 50 %', (peer) => oneGate(peer, countryGate.name));
  run('Ten mixed rules, the last matches', (peer) => oneGate(peer, tenRules.name));
  run('1,000 mixed gates, one at a time', manyGates);
  run('All gates for one user', everything);
  run('A fresh user object for each call', freshUser);
  run('A user never seen before for each call, country and 50 %', stranger);
  run('All gates for a user never seen before', everythingForStranger);
  await Promise.all(peers.map((peer) => peer.close()));
}

/** What logging exposures costs each SDK that logs them. */
async function benchExposures(): Promise<void> {
  for (const start of [startSluice, startStatsigCore]) {
    const off = await start(gates, { logsExposures: false });
    const on = await start(gates, { logsExposures: true });
    const named = (peer: Peer, name: string): Contender => ({ ...oneGate(peer, countryGate.name), name });
    const measured = measure([named(off, 'exposures off'), named(on, 'exposures on')]);
    printCase(`Exposures, ${off.name}`, measured, '');
    const [without, withThem] = measured;
    if (without && withThem) console.log(`  on is ${(withThem.perSecond / without.perSecond).toFixed(2)} of off`);
    await Promise.all([off.close(), on.close()]);
  }
}
