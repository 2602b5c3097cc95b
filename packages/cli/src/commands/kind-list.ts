import { ArchiveState } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Kind } from '../kinds.js';
import { listEntities, listingJsonHelp, listingReport } from '../listing.js';

interface Options {
  readonly name?: string;
  readonly archived?: boolean;
  readonly all?: boolean;
}

export function addKindList(parent: Command, host: Host, kind: Kind): void {
  const listing = {
    plural: kind.part,
    section: kind.section,
    entities: [kind.entity],
    isRolledOut: kind.word === 'gate',
  };
  parent
    .command('list')
    .description('name, state, rules, last change')
    .option('--name <text>', 'only names that contain this')
    .option('--archived', 'only archived ones')
    .option('--all', 'archived ones, too')
    .addHelpText('after', `\n${listingJsonHelp(kind.part)}`)
    .action(
      host.onMesh<Options>(async (session, { options: { name = '', archived, all } }) => {
        const state = all ? ArchiveState.ANY : archived ? ArchiveState.ARCHIVED : ArchiveState.LIVE;
        return listingReport(session, listing, await listEntities(session, listing, name, state), Date.now());
      }),
    );
}
