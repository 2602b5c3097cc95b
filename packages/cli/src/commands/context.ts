import { digestOf } from '@sluice/mesh';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatFields } from '../table.js';

export function addContext(parent: Command, host: Host): void {
  parent
    .command('context')
    .description('which mesh, project and environment commands talk to, and where that is written')
    .addHelpText('after', '\nJSON: {name, consul, region, project, environment, file, keyDigest}')
    .action(host.onMesh(showContext));
}

async function showContext({ context }: Session): Promise<Report> {
  const { name, consul, region, project = null, environment = null, file = null } = context;
  const keyDigest = digestOf(context.key);
  return {
    document: { name, consul, region, project, environment, file, keyDigest },
    text: (style) =>
      `${style.strong(name)}\n${formatFields(
        [
          ['consul', consul],
          ['region', region],
          ['project', project ?? "the key's"],
          ['environment', environment ?? "the key's"],
          ['file', file ?? 'none: environment variables'],
          ['key', `${keyDigest.slice(0, 12)}… (digest)`],
        ],
        style,
      )}`,
  };
}
