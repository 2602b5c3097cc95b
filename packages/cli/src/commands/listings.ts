import { Section } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import { type ListingKind, listEntities, listingJsonHelp, listingReport } from '../listing.js';

const kinds: readonly (ListingKind & { readonly about: string })[] = [
  {
    plural: 'gates',
    section: Section.GATE,
    entities: ['feature_gate', 'holdout'],
    about: 'list gates and holdouts',
    isRolledOut: true,
  },
  { plural: 'segments', section: Section.GATE, entities: ['segment'], about: 'list segments' },
  { plural: 'configs', section: Section.CONFIG, entities: ['dynamic_config'], about: 'list dynamic configs' },
  { plural: 'experiments', section: Section.CONFIG, entities: ['experiment', 'autotune'], about: 'list experiments' },
  { plural: 'layers', section: Section.LAYER, entities: ['layer'], about: 'list layers' },
];

/** `gates`, `segments`, `configs`, `experiments`, `layers`. */
export function addListings(parent: Command, host: Host): void {
  for (const kind of kinds) {
    parent
      .command(kind.plural)
      .description(`${kind.about}: name, state, rules, last change`)
      .option('--name <text>', 'only names that contain this')
      .addHelpText('after', `\n${listingJsonHelp(kind.plural)}`)
      .action(
        host.onMesh<{ name?: string }>(async (session, { options }) =>
          listingReport(session, kind, await listEntities(session, kind, options.name ?? ''), Date.now()),
        ),
      );
  }
}
