import { createHash } from 'node:crypto';
import { isRoot } from './account.js';
import { execute } from './execute.js';
import { stackFolders } from './paths.js';
import type { Print } from './print.js';
import { StackProblem } from './problem.js';
import { planRegions, type Region } from './regions.js';
import { readSettings } from './settings.js';

/**
 * All regions share one loopback device, where packets don't tell who sent them: their sources
 * are alike. So root's processes of each region run with a group of their own, and the firewall
 * drops what a group sends to another region's addresses.
 */
export function groupOf(stackId: string, index: number): number {
  const digest = createHash('sha256').update(stackId).digest().readUInt16BE(0);
  return firstGroup + (digest % groupsMax) * regionsMax + index;
}

const firstGroup = 40_000;
const groupsMax = 3_000;
const regionsMax = 8;

const tableOf = (stackId: string): string => `sluice_${stackId.replace(/\W/g, '_')}`;

/** The firewall's rules that cut a region off from all others, both ways. */
export function cutRules(stackId: string, regions: readonly Region[], name: string): string {
  const index = regions.findIndex((region) => region.name === name);
  const drop = (from: number, to: number): string =>
    `meta skgid ${groupOf(stackId, from)} ip daddr ${netOf(regions[to]?.host ?? '')} drop`;
  const rules = regions.flatMap((_, other) => (other === index ? [] : [drop(index, other), drop(other, index)]));
  const lines = ['type filter hook output priority 0; policy accept;', ...rules];
  return `table inet ${tableOf(stackId)} {\nchain cut_${name} {\n${lines.join('\n')}\n}\n}\n`;
}

const netOf = (host: string): string => host.replace(/\d+$/, '0/24');

/** Cuts a region off from the others until it is healed: no packet gets through. @throws StackProblem without root or nft. */
export async function partitionRegion(name: string, print: Print, { root } = stackFolders()): Promise<void> {
  const { id, regions } = requireRegion(name, root);
  await nft(['-f', '-'], `table inet ${tableOf(id)} {}\n${cutRules(id, regions, name)}`);
  print(`Region ${name} is cut off from the others. Put it back with: sluice region heal ${name}`);
}

/** Lets a region and the others reach each other again. @throws StackProblem */
export async function healRegion(name: string, print: Print, { root } = stackFolders()): Promise<void> {
  const { id } = requireRegion(name, root);
  const rules = await nft(['list', 'tables']);
  const isCut =
    rules.includes(tableOf(id)) && (await nft(['list', 'table', 'inet', tableOf(id)])).includes(`cut_${name}`);
  if (isCut) await nft(['delete', 'chain', 'inet', tableOf(id), `cut_${name}`]);
  print(isCut ? `Region ${name} and the others reach each other again.` : `Region ${name} is not cut off.`);
}

/** Takes all cuts of a stack back; harmless when there is none, and without root, who alone can make one. */
export async function healAll(stackId: string): Promise<void> {
  if (isRoot()) await nft(['delete', 'table', 'inet', tableOf(stackId)]).catch(() => undefined);
}

function requireRegion(name: string, root: string): { readonly id: string; readonly regions: readonly Region[] } {
  const settings = readSettings(root);
  const regions = planRegions(settings?.regions ?? []);
  if (!settings || regions.length < 2) {
    throw new StackProblem(
      'This stack has one region, so there is nothing to cut. Start several: make up REGIONS=us,eu',
    );
  }
  if (!regions.some((region) => region.name === name)) {
    const names = regions.map((region) => region.name).join(', ');
    throw new StackProblem(`There is no region ${JSON.stringify(name)} here; there are: ${names}.`);
  }
  if (!isRoot()) throw new StackProblem('Only root can cut regions off from each other: it takes firewall rules.');
  return { id: settings.id, regions };
}

const nftTimeoutMs = 10_000;

async function nft(args: readonly string[], input?: string): Promise<string> {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  try {
    return await execute('nft', args, { env, timeout: nftTimeoutMs }, input);
  } catch (error) {
    if ((error as Error).message.includes('ENOENT')) {
      throw new StackProblem('The nft command is missing. Install it with: apt-get install nftables');
    }
    throw error;
  }
}
