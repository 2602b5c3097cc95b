/** `make drill regions`: every story of the table, one after the other, on one mesh of two regions. */

import { formatTable } from '@sluice/stack';
import { Random } from '../../differential/dist/random.js';
import { evaluationStories } from './evaluation-stories.js';
import { eventStories, leaderLost } from './event-stories.js';
import { floodStories } from './flood-stories.js';
import { type Lab, type LabOptions, openLab } from './lab.js';
import { outageStories } from './outage-stories.js';
import { overloadStories } from './overload-stories.js';
import type { Finding, Story } from './story.js';

/** Answers are stale sooner than in earnest, so that a story of staleness does not take minutes. */
export const labEnv = { EVALUATION_STALE_AFTER_MS: '5000' };

/** Whether the checker of a story finds fault where there is one. */
export async function prove(lab: Lab, { mutant }: Story): Promise<Finding> {
  const { isMet, measured } = await mutant.tell(lab);
  const what = isMet ? 'NOTHING WRONG' : 'fault';
  return { measured: `without ${mutant.without} it finds ${what}: ${measured}`, isMet: !isMet };
}

interface Line extends Finding {
  readonly proof: string;
  readonly fault: string;
  readonly goal: string;
  readonly verdict: 'met' | 'MISSED' | 'not run';
}

async function tell(lab: Lab, story: Story): Promise<Line> {
  const { fault, goal } = story;
  const why = story.isNotRun?.();
  if (why !== undefined) return { fault, goal, measured: why, proof: 'not run', isMet: true, verdict: 'not run' };
  const finding = await caught(story.tell(lab));
  const proof = await caught(prove(lab, story));
  const isMet = finding.isMet && proof.isMet;
  return { fault, goal, measured: finding.measured, proof: proof.measured, isMet, verdict: isMet ? 'met' : 'MISSED' };
}

/** A story that breaks off is missed, and the next one is told all the same. */
const caught = (finding: Promise<Finding>): Promise<Finding> =>
  finding.catch((error: unknown) => ({ measured: String(error), isMet: false }));

function print({ fault, goal, measured, proof, verdict }: Line): void {
  const lines = [`goal      ${goal}`, `measured  ${measured}`, `checker   ${proof}`, `verdict   ${verdict}`];
  console.log(['', fault, ...lines.map((line) => `  ${line}`)].join('\n  '));
}

/** All of them once more, so that what was found can be seen at one look. */
function printTable(lines: readonly Line[]): void {
  const rows = lines.map(({ fault, goal, measured, verdict }) => [verdict, fault, goal, measured]);
  console.log('');
  for (const line of formatTable([['verdict', 'fault', 'goal', 'measured'], ...rows])) console.log(`  ${line}`);
}

async function tellAll(stories: readonly Story[], options: LabOptions): Promise<Line[]> {
  const lab = await openLab(options);
  const lines: Line[] = [];
  try {
    for (const story of stories) {
      const line = await tell(lab, story);
      print(line);
      lines.push(line);
    }
  } finally {
    await lab.close();
  }
  return lines;
}

/** Each story leaves the mesh as it was, so they may come in any order: what one leaves behind after all shows up. */
function inOrderOf(seed: number, stories: readonly Story[]): Story[] {
  const random = new Random(seed);
  const left = [...stories];
  return stories.flatMap(() => left.splice(random.below(left.length), 1));
}

const seedsMax = 1_000_000;
/** Goals are judged as they are stated. */
const patience = 1;

/**
 * Those whose fault has the text of `STORY` in its name, or all, in the order, on the victims and with the
 * pauses that `SEED` gives, or some. @returns whether each one that was told met its goal.
 */
export async function drillRegions(): Promise<boolean> {
  const only = process.env.STORY;
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * seedsMax));
  if (!Number.isSafeInteger(seed)) throw new Error(`SEED must be a whole number, got ${process.env.SEED}`);
  console.log(`  SEED=${seed} gives the same order, victims and pauses again`);
  const isAsked = ({ fault }: Story): boolean => only === undefined || fault.includes(only);
  const two = inOrderOf(
    seed,
    [...evaluationStories, ...outageStories, ...overloadStories, ...floodStories, ...eventStories].filter(isAsked),
  );
  const clustered = [leaderLost].filter(isAsked);
  const lines: Line[] = [];
  if (two.length > 0) lines.push(...(await tellAll(two, { env: labEnv, patience, seed })));
  if (clustered.length > 0)
    lines.push(...(await tellAll(clustered, { regions: ['us'], natsNodes: 3, env: labEnv, patience, seed })));
  printTable(lines);
  const count = (verdict: Line['verdict']): number => lines.filter((line) => line.verdict === verdict).length;
  console.log(`\n  ${count('met')} met, ${count('MISSED')} missed, ${count('not run')} not run`);
  return lines.every(({ isMet }) => isMet);
}
