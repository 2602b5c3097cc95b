import { type EntityOverrides, type OverrideGroup, type OverrideValue, Section } from '@sluice/proto';
import type { ProjectDocument } from './schema.js';

interface Row {
  readonly ids: readonly string[];
  readonly id_type?: string | undefined;
}

type Overridden<Given extends Row> = readonly [name: string, idType: string, rows: readonly Given[] | undefined];

/** What a document says of overrides; what it leaves out stays as it is. */
export function overridesOf({ gates, configs, experiments, layers }: ProjectDocument): EntityOverrides[] {
  const inLayers = Object.values(layers).flatMap((layer) =>
    Object.entries(layer.experiments).map(
      ([name, one]) => [name, one.id_type ?? layer.id_type, one.overrides] as const,
    ),
  );
  const own = Object.entries(experiments).map(([name, one]) => [name, one.id_type ?? 'userID', one.overrides] as const);
  return [
    ...entriesOf(gates).flatMap((one) => compile(Section.GATE, one, boolValue)),
    ...entriesOf(configs).flatMap((one) => compile(Section.CONFIG, one, json)),
    ...[...own, ...inLayers].flatMap((one) => compile(Section.CONFIG, one, groupName)),
    ...entriesOf(layers).flatMap((one) => compile(Section.LAYER, one, json)),
  ];
}

function entriesOf<Given extends Row>(
  part: Readonly<Record<string, { readonly id_type: string; readonly overrides?: readonly Given[] | undefined }>>,
): Overridden<Given>[] {
  return Object.entries(part).map(([name, { id_type, overrides }]) => [name, id_type, overrides]);
}

const boolValue = ({ value }: { value: boolean }): OverrideValue['kind'] => ({ $case: 'boolValue', value });
const json = ({ value }: { value: object }): OverrideValue['kind'] => ({ $case: 'json', value: JSON.stringify(value) });
const groupName = ({ group }: { group: string }): OverrideValue['kind'] => ({ $case: 'groupName', value: group });

function compile<Given extends Row>(
  section: Section,
  [name, idType, rows]: Overridden<Given>,
  kindOf: (row: Given) => OverrideValue['kind'],
): EntityOverrides[] {
  if (rows === undefined) return [];
  const groups = rows.map(
    (row): OverrideGroup => ({ idType: row.id_type ?? idType, unitIds: [...row.ids], value: { kind: kindOf(row) } }),
  );
  return [{ ref: { section, name }, groups }];
}
