/** Rows of `events.exposure` as COPY takes them; pure. */
import { type Tuples, TupleWriter } from './copy-tuples.js';
import type { UnitExposure } from './exposures.js';

/** In the order of `encode`. */
export const exposureColumns: readonly string[] = [
  'project',
  'environment',
  'key',
  'kind',
  'allocated_experiment',
  'id_type',
  'unit_id',
  'group_name',
  'rule_id',
  'gate_value',
  'variant',
  'revision',
  'event_id',
  'first_at',
  'last_at',
  'exposures',
  'is_crossover',
];

export function encodeUnits(units: readonly UnitExposure[]): Tuples {
  const writer = new TupleWriter();
  for (const unit of units) encode(writer, unit);
  return writer.finish();
}

function encode(writer: TupleWriter, unit: UnitExposure): void {
  const { first } = unit;
  writer.begin(exposureColumns.length);
  writer.text(unit.project);
  writer.text(unit.environment);
  writer.text(first.key);
  writer.int2(first.kind);
  writer.text(first.allocatedExperiment);
  writer.text(first.idType);
  writer.text(first.unitId);
  writer.text(first.groupName);
  writer.text(first.ruleId);
  writer.bool(first.gateValue);
  writer.text(unit.variant);
  writer.int8(first.revision);
  writer.uuid(unit.eventId);
  writer.timestamptz(unit.firstAtMs);
  writer.timestamptz(unit.lastAtMs);
  writer.int8(unit.exposures);
  writer.bool(unit.isCrossover);
  writer.end();
}
