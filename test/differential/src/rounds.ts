/** Seeded rounds of random documents and users against the reference. */
import { makeClientOptions } from './client-options.js';
import { compareDocument, type Mismatch, makeSurroundings } from './compare.js';
import type { DocumentData } from './document.js';
import { entityNames, makeOperatorDocument, makeOverrides, makeStructureDocument } from './generate.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';
import { Referee, RefereeCrash, type Surroundings } from './referee.js';
import { makeUser, type UserData } from './users.js';

/** One document with its users, made from a seed. */
export interface Round {
  readonly seed: number;
  readonly document: DocumentData;
  readonly users: readonly UserData[];
  readonly surroundings: Surroundings;
}

export function makeRound(seed: number): Round {
  const random = new Random(seed);
  const isStructure = random.chance(0.6);
  const isForClients = isStructure && random.chance(0.4);
  const document = isStructure ? makeStructureDocument(random, isForClients) : makeOperatorDocument(random, 150);
  const users = Array.from({ length: isStructure ? 30 : 40 }, (_, index) => makeUser(random, index));
  // A forced gate leaves something behind as well: how deep it was.
  const forced = isStructure && random.chance(0.3) ? makeOverrides(random) : [];
  const overrides = isForClients ? forced.filter(({ kind }) => kind !== 'gate') : forced;
  const environment = random.pick(['production', 'staging', null]);
  // In the short shape, the reference names gates that bandits ask for in the clear. Here they are hidden like all others.
  const formats = document.cmab_configs === undefined ? ([0, 1, 2] as const) : ([0, 1] as const);
  const clients = isForClients ? [0, 1].map(() => makeClientOptions(random, entityNames, formats)) : [];
  const surroundings = makeSurroundings(environment, overrides, {
    clients,
    isExposing: isStructure && random.chance(0.15),
  });
  return { seed, document, users, surroundings };
}

/** Every third document, of those that are not asked for client responses, with something in it that is not as it should be. */
export function spoilSome(round: Round): Round {
  const { seed, document, surroundings } = round;
  const random = new Random(seed ^ 0x5eed);
  if (seed % 3 !== 0 || surroundings.clients.length > 0) return round;
  return { ...round, document: mutate(random, document), surroundings: { ...surroundings, isExposing: false } };
}

export interface Outcome {
  readonly comparisons: number;
  readonly rounds: number;
  /** The first round with mismatches, if there was one. */
  readonly failed?: { readonly round: Round; readonly mismatches: readonly Mismatch[] };
  /** Seeds on which the reference ended its process. */
  readonly crashes: readonly number[];
}

/** Compares until so many answers have been compared, or until a round differs. */
export async function runRounds(firstSeed: number, comparisonsMin: number): Promise<Outcome> {
  const referee = new Referee();
  const crashes: number[] = [];
  let comparisons = 0;
  let rounds = 0;
  try {
    for (let seed = firstSeed; comparisons < comparisonsMin; seed++, rounds++) {
      const round = spoilSome(makeRound(seed));
      try {
        const result = await compareDocument(referee, round.document, round.users, round.surroundings);
        comparisons += result.comparisons;
        if (result.mismatches.length > 0) {
          return { comparisons, rounds, crashes, failed: { round, mismatches: result.mismatches } };
        }
      } catch (error) {
        if (!(error instanceof RefereeCrash)) throw error;
        crashes.push(seed);
      }
    }
  } finally {
    referee.close();
  }
  return { comparisons, rounds, crashes };
}
