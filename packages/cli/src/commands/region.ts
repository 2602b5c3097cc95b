import { SluiceError } from '@sluice/mesh';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Report } from '../report.js';

/** What can be done to a region, and what for. */
const deeds = {
  stop: 'kill a region at once, as a fire would, and keep it down',
  start: 'let a region that was stopped come back, and wait until it works',
  partition: 'cut a region off from the others: no packet gets through (needs root)',
  heal: 'let a region that was cut off and the others reach each other again',
} as const;

export function addRegion(parent: Command, host: Host): void {
  const region = parent
    .command('region')
    .description('play with the regions of the mesh that `make up REGIONS=us,eu` started here');
  for (const [deed, description] of Object.entries(deeds)) {
    region
      .command(`${deed} <region>`)
      .description(description)
      .addHelpText('after', '\nJSON: {region, deed, said}')
      .action(host.local(({ args: [name = ''] }) => act(deed as keyof typeof deeds, name)));
  }
}

async function act(deed: keyof typeof deeds, name: string): Promise<Report> {
  // Loaded when it is needed: no other command should wait for it.
  const { healRegion, partitionRegion, StackProblem, startRegion, stopRegion } = await import('@sluice/stack');
  const acts = { stop: stopRegion, start: startRegion, partition: partitionRegion, heal: healRegion };
  const said: string[] = [];
  await acts[deed](name, (line) => said.push(line)).catch((error: unknown) => {
    throw error instanceof StackProblem ? new SluiceError('precondition', error.message) : error;
  });
  return { document: { region: name, deed, said }, text: () => said.join('\n') };
}
