import type { Command } from 'commander';
import type { Host } from '../host.js';
import { readPages } from '../pages.js';
import { addLifecycle, placeOfProject } from './set-lifecycle.js';

export function addProject(parent: Command, host: Host): void {
  const group = parent.command('project').description('make, describe and archive projects');
  group
    .command('create')
    .description('make a project; harmless when it exists')
    .argument('<project>', 'lower-case letters, digits and dashes, at most 64')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nJSON: {project, isCreated}')
    .action(
      host.onMesh<{ reason?: string }>(async (session, { args: [project = ''], options: { reason = '' } }) => {
        const { isCreated } = await session.config.createProject({ project, reason }, session.call);
        return {
          document: { project, isCreated },
          text: (style) => `${style.strong(project)}  ${isCreated ? 'created' : 'was there already'}`,
        };
      }),
    );
  addLifecycle(group, host, {
    word: 'project',
    list: async (session, archiveState, nameContains) => {
      const wanted = { nameContains, pageSize: 1_000, archiveState };
      const pages = await readPages((pageToken) => session.config.listProjects({ ...wanted, pageToken }, session.call));
      return pages.flatMap(({ projects }) => projects.map(placeOfProject));
    },
    get: async (session, project) =>
      placeOfProject((await session.config.getProject({ project }, session.call)).project),
    update: async (session, project, change) => {
      const request = { project, ...change };
      return placeOfProject((await session.config.updateProject(request, session.call)).project);
    },
    archive: async (session, project, reason, isArchived) => {
      const { config, call } = session;
      const answer = await (isArchived
        ? config.archiveProject({ project, reason }, call)
        : config.restoreProject({ project, reason }, call));
      return placeOfProject(answer.project);
    },
  });
}
