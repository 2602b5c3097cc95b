import { type ExposureGroup, ExposureKind, exposureKindToJSON } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { type Column, formatTable } from '../table.js';
import { enumWord, formatSince, isoTime } from '../words.js';

export function addExposures(parent: Command, host: Host): void {
  parent
    .command('exposures')
    .description('count the units that saw each group of a gate, config, experiment or layer')
    .argument('<key>', 'its name')
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh(showExposures));
}

const jsonHelp = `JSON: {key, groups: [{kind, groupName, ruleId, gateValue, units, exposures, firstAt, lastAt}]}
      gateValue is null for everything but gates.`;

async function showExposures(session: Session, { args: [key = ''] }: Invocation<object>): Promise<Report> {
  const { groups } = await session.ledger.getExposures({ set: session.set, key, isDaily: false }, session.call);
  const nowMs = Date.now();
  return {
    document: { key, groups: groups.map(documentOf) },
    text: (style) => {
      if (groups.length === 0) return `no exposures of ${key} were counted yet`;
      return formatTable(
        columns,
        groups.map((group) => rowOf(group, nowMs)),
        style,
      );
    },
  };
}

const columns: readonly Column[] = [
  { title: 'KIND' },
  { title: 'GROUP' },
  { title: 'RULE' },
  { title: 'VALUE' },
  { title: 'UNITS', align: 'right' },
  { title: 'EXPOSURES', align: 'right' },
  { title: 'LAST' },
];

function kindOf({ kind }: ExposureGroup): string {
  return enumWord('EXPOSURE_KIND', exposureKindToJSON(kind)).toLowerCase();
}

function rowOf(group: ExposureGroup, nowMs: number): string[] {
  return [
    kindOf(group),
    group.groupName,
    group.ruleId,
    group.kind === ExposureKind.GATE ? String(group.gateValue) : '',
    String(group.units),
    String(group.exposures),
    formatSince(group.lastAtMs, nowMs),
  ];
}

function documentOf(group: ExposureGroup): Record<string, unknown> {
  return {
    kind: kindOf(group),
    groupName: group.groupName === '' ? null : group.groupName,
    ruleId: group.ruleId,
    gateValue: group.kind === ExposureKind.GATE ? group.gateValue : null,
    units: group.units,
    exposures: group.exposures,
    firstAt: isoTime(group.firstAtMs),
    lastAt: isoTime(group.lastAtMs),
  };
}
