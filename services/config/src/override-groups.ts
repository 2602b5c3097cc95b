import type { Rule, Spec } from '@sluice/proto';
import { idEnding } from './override-rules.js';

/** The rules that assign an experiment's groups. */
export function groupsOf({ rules }: Spec): Rule[] {
  return rules.filter(({ id, groupName }) => groupName !== undefined && !id.endsWith(idEnding));
}

/** The rule of a group. */
export function findGroup(spec: Spec, name: string): Rule | undefined {
  return groupsOf(spec).find(({ groupName }) => groupName === name);
}
