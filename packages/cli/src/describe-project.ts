import { SluiceError } from '@sluice/mesh';
import type { Session } from './session.js';

/** Says of a project what its file says. A key of one environment may not: then the description stays, with a warning. */
export async function describeProject(session: Session, project: string, description?: string): Promise<void> {
  if (description === undefined) return;
  const { project: held } = await session.config.getProject({ project }, session.call);
  if (!held || held.description === description) return;
  try {
    const request = { project, description, expectedVersion: held.version };
    await session.config.updateProject(request, session.call);
  } catch (error) {
    if (!(error instanceof SluiceError) || error.kind !== 'forbidden') throw error;
    session.io.err(`warning: the description of ${project} stays as it is: ${error.message}\n`);
  }
}
