import type { Command } from 'commander';
import type { Host } from '../host.js';

export function addProject(parent: Command, host: Host): void {
  const group = parent.command('project').description('make projects');
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
}
