import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatTable } from '../table.js';
import { formatSince, isoTime } from '../words.js';

export function addSets(parent: Command, host: Host): void {
  parent
    .command('sets')
    .description('list projects and environments with their revisions')
    .addHelpText('after', '\nJSON: {sets: [{project, environment, revision, committedAt, stateHash}]}')
    .action(host.onMesh(listSets));
}

async function listSets(session: Session): Promise<Report> {
  const { sets } = await session.rulesets.listSets({}, session.call);
  const nowMs = Date.now();
  return {
    document: {
      sets: sets.map(({ set, revision, committedAtMs, stateHash }) => ({
        ...set,
        revision,
        committedAt: isoTime(committedAtMs),
        stateHash: Buffer.from(stateHash).toString('hex'),
      })),
    },
    text: (style) => {
      if (sets.length === 0) return 'no sets yet; `sluice apply` or `sluice import` makes the first';
      const rows = sets.map(({ set, revision, committedAtMs }) => [
        style.strong(set?.project ?? ''),
        set?.environment ?? '',
        String(revision),
        formatSince(committedAtMs, nowMs),
      ]);
      const titles = [{ title: 'PROJECT' }, { title: 'ENVIRONMENT' }, { title: 'REVISION', align: 'right' as const }];
      return formatTable([...titles, { title: 'LAST CHANGE' }], rows, style);
    },
  };
}
