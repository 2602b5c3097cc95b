import { invalid } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import { readPages } from '../pages.js';
import type { Session } from '../session.js';
import { addLifecycle, placeOfEnvironment } from './set-lifecycle.js';

export function addEnvironment(parent: Command, host: Host): void {
  const group = parent.command('environment').description('make, describe and archive environments of the project');
  group
    .command('create')
    .description('make an environment of the project; harmless when it exists')
    .argument('<environment>', 'such as staging')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nJSON: {project, environment, isCreated}')
    .action(
      host.onMesh<{ reason?: string }>(async (session, { args: [environment = ''], options: { reason = '' } }) => {
        const set = setIn(session, environment);
        const { isCreated } = await session.config.createEnvironment({ set, reason }, session.call);
        return {
          document: { ...set, isCreated },
          text: (style) =>
            `${style.strong(`${set.project}/${environment}`)}  ${isCreated ? 'created' : 'was there already'}`,
        };
      }),
    );
  addLifecycle(group, host, {
    word: 'environment',
    list: async (session, archiveState, nameContains) => {
      const wanted = { project: session.context.project ?? '', nameContains, pageSize: 1_000, archiveState };
      const { config, call } = session;
      const pages = await readPages((pageToken) => config.listEnvironments({ ...wanted, pageToken }, call));
      return pages.flatMap(({ environments }) => environments.map(placeOfEnvironment));
    },
    get: async (session, name) => {
      const { environment } = await session.config.getEnvironment({ set: setIn(session, name) }, session.call);
      return placeOfEnvironment(environment);
    },
    update: async (session, name, change) => {
      const request = { set: setIn(session, name), ...change };
      return placeOfEnvironment((await session.config.updateEnvironment(request, session.call)).environment);
    },
    archive: async (session, name, reason, isArchived) => {
      const { config, call } = session;
      const request = { set: setIn(session, name), reason };
      const answer = await (isArchived
        ? config.archiveEnvironment(request, call)
        : config.restoreEnvironment(request, call));
      return placeOfEnvironment(answer.environment);
    },
  });
}

function setIn({ context: { project } }: Session, environment: string): SetRef {
  if (project) return { project, environment };
  throw invalid('--project', 'is missing; name it here, in SLUICE_PROJECT or in the context file');
}
