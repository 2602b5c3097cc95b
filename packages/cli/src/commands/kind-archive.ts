import type { Command } from 'commander';
import type { Host } from '../host.js';
import { type Kind, refOf } from '../kinds.js';
import { inWords, wordingOf } from '../refusal.js';
import {
  addExpectedVersion,
  addWriteOptions,
  changeJsonHelp,
  changeReport,
  type WriteOptions,
} from '../write-options.js';

/** `archive` and `restore` of a kind. */
export function addKindArchive(parent: Command, host: Host, kind: Kind): void {
  const archive = parent
    .command('archive')
    .description('take it out of the ruleset, and keep it; refused while others refer to it')
    .argument('<name>', 'its name');
  addWriteOptions(addExpectedVersion(archive))
    .addHelpText('after', `\n${changeJsonHelp}`)
    .action(
      host.onMesh<WriteOptions & { expectedVersion?: number }>(async (session, { args: [name = ''], options }) => {
        const set = session.requireSet();
        const { expectedVersion, reason = '' } = options;
        const ref = refOf(kind, name);
        const key = `${kind.word}/${name}`;
        const request = { set, ref, expectedVersion, reason };
        const answer = await inWords(wordingOf(key, ref, 'name'), session.config.archiveEntity(request, session.call));
        return changeReport(session, { set, key, what: 'archived', ...answer }, options);
      }),
    );
  const restore = parent
    .command('restore')
    .description('bring an archived one back as it last was')
    .argument('<name>', 'its name');
  addWriteOptions(restore)
    .addHelpText('after', `\n${changeJsonHelp}`)
    .action(
      host.onMesh<WriteOptions>(async (session, { args: [name = ''], options }) => {
        const set = session.requireSet();
        const ref = refOf(kind, name);
        const key = `${kind.word}/${name}`;
        const request = { set, ref, reason: options.reason ?? '' };
        const answer = await inWords(wordingOf(key, ref, 'name'), session.config.restoreEntity(request, session.call));
        return changeReport(session, { set, key, what: 'restored', ...answer }, options);
      }),
    );
}
