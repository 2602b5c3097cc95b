/** Every SQL statement of the ledger. Lists travel as arrays: one statement, one plan, any number of rows. */
import type { Statement } from '@sluice/postgres';
import { sourceRangesMax } from '../limits.js';
import { eventColumns } from './event-columns.js';
import { exposureColumns } from './exposure-tuples.js';

export const ensureDay: Statement = {
  name: 'ingestion.ensure_day',
  text: 'select events.ensure_day($1::date)',
};

/** Columns are enumerated by whoever encodes the tuples. */
export const copyEvents: Statement = {
  name: 'ingestion.copy_events',
  text: `copy events.event (${eventColumns.join(', ')}) from stdin with (format binary)`,
};

/** Made once for each connection; empty at the start of each transaction. */
export const makeStages = `
  create temporary table if not exists staged_event (like events.event) on commit delete rows;
  create temporary table if not exists staged_exposure (like events.exposure) on commit delete rows`;

export const clearStages = 'truncate staged_event, staged_exposure';

export const stageEvents: Statement = {
  name: 'ingestion.stage_events',
  text: `copy staged_event (${eventColumns.join(', ')}) from stdin with (format binary)`,
};

/** In the order of the key: writers that have the same events can't deadlock. */
export const insertStaged: Statement = {
  name: 'ingestion.insert_staged',
  text: `
    insert into events.event (${eventColumns.join(', ')})
    select ${eventColumns.join(', ')} from staged_event order by event_id, project
    on conflict do nothing
    returning project, event_id::text as "eventId"`,
};

/** Of the staged events those that the store has, with this transaction's. */
export const findStaged: Statement = {
  name: 'ingestion.find_staged',
  text: `
    select project, event_id::text as "eventId" from staged_event as staged
    where exists (
      select from events.event as held
      where (held.event_id, held.project, held.id_day) = (staged.event_id, staged.project, staged.id_day))`,
};

export const stageExposures: Statement = {
  name: 'ingestion.stage_exposures',
  text: `copy staged_exposure (${exposureColumns.join(', ')}) from stdin with (format binary)`,
};

export const mergeExposures: Statement = {
  name: 'ingestion.merge_exposures',
  text: `
    insert into events.exposure as held (${exposureColumns.join(', ')})
    select ${exposureColumns.join(', ')} from staged_exposure
    order by project, environment, key, kind, allocated_experiment, id_type, unit_id
    on conflict (project, environment, key, kind, allocated_experiment, id_type, unit_id) do update set
      (group_name, rule_id, gate_value, variant, revision, event_id, first_at) = (
        select winner.group_name, winner.rule_id, winner.gate_value, winner.variant, winner.revision,
          winner.event_id, winner.first_at
        from (values
          (held.group_name, held.rule_id, held.gate_value, held.variant, held.revision, held.event_id, held.first_at),
          (excluded.group_name, excluded.rule_id, excluded.gate_value, excluded.variant, excluded.revision,
            excluded.event_id, excluded.first_at))
          as winner (group_name, rule_id, gate_value, variant, revision, event_id, first_at)
        order by winner.first_at, winner.event_id
        limit 1),
      last_at = greatest(held.last_at, excluded.last_at),
      exposures = held.exposures + excluded.exposures,
      is_crossover = held.is_crossover or excluded.is_crossover or held.variant <> excluded.variant`,
};

export const addExposureCounts: Statement = {
  name: 'ingestion.add_exposure_counts',
  text: `
    insert into events.exposure_count as held (
      project, environment, key, kind, allocated_experiment, group_name, rule_id, gate_value, day, exposures,
      first_at, last_at)
    select project, environment, key, kind, allocated_experiment, group_name, rule_id, gate_value, day, exposures,
      to_timestamp(first_at_ms / 1000.0), to_timestamp(last_at_ms / 1000.0)
    from unnest(
      $1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::date[],
      $10::bigint[], $11::bigint[], $12::bigint[])
      as row (project, environment, key, kind, allocated_experiment, group_name, rule_id, gate_value, day,
        exposures, first_at_ms, last_at_ms)
    on conflict (project, environment, key, kind, allocated_experiment, group_name, rule_id, gate_value, day)
    do update set
      exposures = held.exposures + excluded.exposures,
      first_at = least(held.first_at, excluded.first_at),
      last_at = greatest(held.last_at, excluded.last_at)`,
};

/** Of these messages those that were not settled before, which they are now. */
export const insertSettled: Statement = {
  name: 'ingestion.insert_settled',
  text: `
    insert into events.settled (stream, sequence, published_us, project, environment, region, instance, received_at,
      events, stored, duplicate, buried, is_unreadable)
    select stream, sequence, published_us, project, environment, region, instance,
      to_timestamp(received_at_ms / 1000.0), events, stored, 0, 0, is_unreadable
    from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
      $9::bigint[], $10::bigint[], $11::boolean[])
      as row (stream, sequence, published_us, project, environment, region, instance, received_at_ms, events, stored,
        is_unreadable)
    order by stream, sequence, published_us
    on conflict do nothing
    returning stream, sequence::float8 as sequence, published_us::float8 as "publishedUs"`,
};

export const correctSettled: Statement = {
  name: 'ingestion.correct_settled',
  text: `
    update events.settled set stored = row.stored, duplicate = row.duplicate, buried = row.buried
    from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
      as row (stream, sequence, published_us, stored, duplicate, buried)
    where settled.stream = row.stream and settled.sequence = row.sequence and settled.published_us = row.published_us`,
};

export const upsertSources: Statement = {
  name: 'ingestion.upsert_sources',
  text: `
    insert into events.source as held (project, environment, source_id, region, arrived, accepted, duplicate, rejected,
      report_number, report, first_seen_at, last_seen_at)
    select project, environment, source_id, region, arrived::int8multirange, accepted, duplicate, rejected::jsonb,
      report_number, report, to_timestamp(last_seen_ms / 1000.0), to_timestamp(last_seen_ms / 1000.0)
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[],
      $9::bigint[], $10::bytea[], $11::bigint[])
      as row (project, environment, source_id, region, arrived, accepted, duplicate, rejected, report_number, report,
        last_seen_ms)
    on conflict (project, environment, source_id) do update set
      region = case when excluded.last_seen_at >= held.last_seen_at then excluded.region else held.region end,
      -- Numbers that would lie too far apart are not noted: they count as missing.
      arrived = (
        select case when count(*) <= ${sourceRangesMax} then held.arrived + excluded.arrived else held.arrived end
        from unnest(held.arrived + excluded.arrived)),
      accepted = held.accepted + excluded.accepted,
      duplicate = held.duplicate + excluded.duplicate,
      rejected = (
        select coalesce(jsonb_object_agg(field, total), '{}'::jsonb) from (
          select field, sum(count::bigint) as total
          from (select * from jsonb_each_text(held.rejected) union all select * from jsonb_each_text(excluded.rejected))
            as both_of (field, count)
          group by field) as summed),
      report_number = greatest(held.report_number, excluded.report_number),
      report = case when excluded.report_number > held.report_number then excluded.report else held.report end,
      first_seen_at = least(held.first_seen_at, excluded.first_seen_at),
      last_seen_at = greatest(held.last_seen_at, excluded.last_seen_at)`,
};

export const addUsage: Statement = {
  name: 'ingestion.add_usage',
  text: `
    insert into events.usage_delta (project, environment, day, name, events, total, first_at, last_at, units)
    select project, environment, day, name, events, total, to_timestamp(first_at_ms / 1000.0),
      to_timestamp(last_at_ms / 1000.0), units
    from unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::bigint[], $6::float8[], $7::bigint[], $8::bigint[],
      $9::bytea[]) as row (project, environment, day, name, events, total, first_at_ms, last_at_ms, units)`,
};

export const bury: Statement = {
  name: 'ingestion.bury',
  text: `
    insert into events.dead_letter (subject, stream_sequence, event_id, reason, payload)
    values ($1, $2, $3, $4, $5)
    on conflict do nothing`,
};

/** Groups of one entity; a layer's exposures also count for the experiment that decided. */
export const readExposures: Statement = {
  name: 'ingestion.read_exposures',
  text: `
    with counted as (
      select kind, group_name, rule_id, gate_value, sum(exposures) as exposures, min(first_at) as first_at,
        max(last_at) as last_at
      from events.exposure_count
      where project = $1 and environment = $2 and (key = $3 or allocated_experiment = $3)
      group by kind, group_name, rule_id, gate_value),
    units as (
      select kind, group_name, rule_id, gate_value, count(distinct (id_type, unit_id)) as units,
        count(distinct (id_type, unit_id)) filter (where is_crossover) as crossovers
      from events.exposure
      where project = $1 and environment = $2 and (key = $3 or allocated_experiment = $3)
      group by kind, group_name, rule_id, gate_value)
    select kind, group_name as "groupName", rule_id as "ruleId", gate_value as "gateValue",
      coalesce(units, 0)::float8 as units, exposures::float8 as exposures,
      floor(extract(epoch from first_at) * 1000)::float8 as "firstAtMs",
      floor(extract(epoch from last_at) * 1000)::float8 as "lastAtMs",
      coalesce(crossovers, 0)::float8 as crossovers
    from counted left join units using (kind, group_name, rule_id, gate_value)
    order by kind, group_name, rule_id, gate_value`,
};

/** What each day (UTC) added to the groups of one entity: exposures by their own day, units by that of their first. */
export const readExposureDays: Statement = {
  name: 'ingestion.read_exposure_days',
  text: `
    with counted as (
      select kind, group_name, rule_id, gate_value, day, sum(exposures) as exposures
      from events.exposure_count
      where project = $1 and environment = $2 and (key = $3 or allocated_experiment = $3)
      group by kind, group_name, rule_id, gate_value, day),
    units as (
      select kind, group_name, rule_id, gate_value, (first_at at time zone 'UTC')::date as day,
        count(distinct (id_type, unit_id)) as units
      from events.exposure
      where project = $1 and environment = $2 and (key = $3 or allocated_experiment = $3)
      group by 1, 2, 3, 4, 5)
    select kind, group_name as "groupName", rule_id as "ruleId", gate_value as "gateValue", day::text as day,
      coalesce(units, 0)::float8 as units, exposures::float8 as exposures
    from counted left join units using (kind, group_name, rule_id, gate_value, day)
    order by day`,
};

const usageOf = (condition: string): string => `
    select day::text as day, name, events::float8 as events, total, units,
      floor(extract(epoch from first_at) * 1000)::float8 as "firstAtMs",
      floor(extract(epoch from last_at) * 1000)::float8 as "lastAtMs"
    from (
      select project, environment, day, name, events, total, first_at, last_at, units from events.usage
      union all
      select project, environment, day, name, events, total, first_at, last_at, units from events.usage_delta) as both_of
    where project = $1 and environment = $2 and ${condition}`;

/** Usage of one event name; several rows a day until they are folded. */
export const readNameUsage: Statement = {
  name: 'ingestion.read_name_usage',
  text: usageOf('name = $3 and day between $4::date and $5::date'),
};

/** Usage of all names; the empty name is all that were folded together. */
export const readAllUsage: Statement = {
  name: 'ingestion.read_all_usage',
  text: usageOf('day between $3::date and $4::date'),
};

export const listDeadLetters: Statement = {
  name: 'ingestion.list_dead_letters',
  text: `
    select id::float8 as id, subject, coalesce(event_id, '') as "eventId", reason, length(payload) as bytes,
      trunc(extract(epoch from buried_at) * 1000)::float8 as "buriedAtMs"
    from events.dead_letter
    where id > $1::bigint
    order by id
    limit $2::int`,
};

export const getDeadLetter: Statement = {
  name: 'ingestion.get_dead_letter',
  text: `
    select id::float8 as id, subject, coalesce(event_id, '') as "eventId", reason, length(payload) as bytes,
      trunc(extract(epoch from buried_at) * 1000)::float8 as "buriedAtMs", payload
    from events.dead_letter
    where id = $1::bigint`,
};

export const dropDeadLetter: Statement = {
  name: 'ingestion.drop_dead_letter',
  text: 'delete from events.dead_letter where id = $1::bigint returning id',
};
