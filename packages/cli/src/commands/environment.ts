import { invalid } from '@sluice/mesh';
import type { Command } from 'commander';
import type { Host } from '../host.js';

export function addEnvironment(parent: Command, host: Host): void {
  const group = parent.command('environment').description('make environments');
  group
    .command('create')
    .description('make an environment of the project; harmless when it exists')
    .argument('<environment>', 'such as staging')
    .addHelpText('after', '\nJSON: {project, environment, isCreated}')
    .action(
      host.onMesh(async (session, { args: [environment = ''] }) => {
        const { project } = session.context;
        if (!project) throw invalid('--project', 'is missing; name it here, in SLUICE_PROJECT or in the context file');
        const set = { project, environment };
        const { isCreated } = await session.config.createEnvironment({ set }, session.call);
        return {
          document: { ...set, isCreated },
          text: (style) =>
            `${style.strong(`${project}/${environment}`)}  ${isCreated ? 'created' : 'was there already'}`,
        };
      }),
    );
}
