import type { Command } from 'commander';
import type { Host } from '../host.js';
import { addLifecycle, placeOfProject } from './set-lifecycle.js';

export function addProject(parent: Command, host: Host): void {
  const group = parent.command('project').description('make, describe and archive projects');
  group
    .command('create')
    .description('make a project; harmless when it exists')
    .argument('<project>', 'lower-case letters, digits and dashes, at most 64')
    .addHelpText('after', '\nJSON: {project, isCreated}')
    .action(
      host.onMesh(async (session, { args: [project = ''] }) => {
        const { isCreated } = await session.config.createProject({ project }, session.call);
        return {
          document: { project, isCreated },
          text: (style) => `${style.strong(project)}  ${isCreated ? 'created' : 'was there already'}`,
        };
      }),
    );
  addLifecycle(group, host, {
    word: 'project',
    list: async (session, archiveState, nameContains) => {
      const request = { nameContains, pageSize: 1_000, pageToken: '', archiveState };
      return (await session.config.listProjects(request, session.call)).projects.map(placeOfProject);
    },
    get: async (session, project) =>
      placeOfProject((await session.config.getProject({ project }, session.call)).project),
    update: async (session, project, description, expectedVersion) => {
      const request = { project, description, expectedVersion };
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
