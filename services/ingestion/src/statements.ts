/** Every SQL statement of the ledger. Lists travel as arrays: one statement, one plan, any number of rows. */
import type { Statement } from '@sluice/postgres';

export const ensureDay: Statement = {
  name: 'ingestion.ensure_day',
  text: 'select events.ensure_day($1::date)',
};

export const insertEvents: Statement = {
  name: 'ingestion.insert_events',
  text: `
    insert into events.event (
      project, environment, event_id, id_day, name, happened_at, skew_ms, received_at, user_id, custom_ids,
      attributes, number_value, string_value, metadata, exposure, instance, region)
    select project, environment, event_id, id_day, name, to_timestamp(happened_at_ms / 1000.0), skew_ms,
      to_timestamp(received_at_ms / 1000.0), user_id, custom_ids::jsonb, attributes::jsonb, number_value,
      string_value, metadata::jsonb, exposure::jsonb, instance, region
    from unnest(
      $1::text[], $2::text[], $3::uuid[], $4::date[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
      $9::text[], $10::text[], $11::text[], $12::float8[], $13::text[], $14::text[], $15::text[], $16::text[],
      $17::text[])
      as row (project, environment, event_id, id_day, name, happened_at_ms, skew_ms, received_at_ms, user_id,
        custom_ids, attributes, number_value, string_value, metadata, exposure, instance, region)
    order by project, id_day, event_id
    on conflict do nothing
    returning project, event_id::text as "eventId"`,
};

export const upsertExposures: Statement = {
  name: 'ingestion.upsert_exposures',
  text: `
    insert into events.exposure as held (
      project, environment, key, kind, allocated_experiment, id_type, unit_id, group_name, rule_id, gate_value,
      variant, revision, event_id, first_at, last_at, exposures, is_crossover)
    select project, environment, key, kind, allocated_experiment, id_type, unit_id, group_name, rule_id, gate_value,
      variant, revision, event_id, to_timestamp(first_at_ms / 1000.0), to_timestamp(last_at_ms / 1000.0), exposures,
      is_crossover
    from unnest(
      $1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::bool[], $11::text[], $12::bigint[], $13::uuid[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bool[])
      as row (project, environment, key, kind, allocated_experiment, id_type, unit_id, group_name, rule_id,
        gate_value, variant, revision, event_id, first_at_ms, last_at_ms, exposures, is_crossover)
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

export const readEvents: Statement = {
  name: 'ingestion.read_events',
  text: `
    select count(*)::float8 as count, coalesce(sum(number_value), 0) as sum,
      count(distinct user_id)::float8 as units,
      coalesce(floor(extract(epoch from min(happened_at)) * 1000), 0)::float8 as "firstAtMs",
      coalesce(floor(extract(epoch from max(happened_at)) * 1000), 0)::float8 as "lastAtMs"
    from events.event
    where project = $1 and environment = $2 and name = $3`,
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
