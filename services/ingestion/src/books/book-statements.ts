/** Statements that read the books. Absent filters are nulls. */
import type { Statement } from '@sluice/postgres';

/** Settled messages of both tables in one snapshot. */
export const readInstances: Statement = {
  name: 'ingestion.read_instances',
  text: `
    select region, instance, sum(messages)::float8 as messages, sum(messages_buried)::float8 as "messagesBuried",
      sum(events)::float8 as taken, sum(stored)::float8 as stored, sum(duplicate)::float8 as duplicate,
      sum(buried)::float8 as buried, floor(extract(epoch from min(since)) * 1000)::float8 as "sinceMs"
    from (
      select project, environment, region, instance, hour as since, messages, messages_buried, events, stored,
        duplicate, buried
      from events.book
      union all
      select project, environment, region, instance, received_at, 1, is_unreadable::int, events, stored, duplicate,
        buried
      from events.settled) as both_of
    where ($1::text is null or project = $1) and ($2::text is null or environment = $2)
      and ($3::text is null or region = $3) and since >= to_timestamp($4::float8 / 1000.0)
    group by region, instance
    order by region, instance`,
};

export const readStarts: Statement = {
  name: 'ingestion.read_starts',
  text: `
    select region, instance, counters, floor(extract(epoch from reported_at) * 1000)::float8 as "reportedAtMs"
    from events.instance
    where $1::text is null or region = $1
    order by region, instance, started_at`,
};

/** What is left of starts that were forgotten. */
export const readForgottenStarts: Statement = {
  name: 'ingestion.read_forgotten_starts',
  text: `
    select region, instance, counters, floor(extract(epoch from reported_at) * 1000)::float8 as "reportedAtMs"
    from events.forgotten_start
    where $1::text is null or region = $1`,
};

export const readSources: Statement = {
  name: 'ingestion.read_sources',
  text: `
    select project, environment, source_id as "sourceId", region, report, accepted::float8 as accepted,
      duplicate::float8 as duplicate, rejected,
      floor(extract(epoch from last_seen_at) * 1000)::float8 as "lastSeenAtMs",
      coalesce((select sum(upper(part) - lower(part)) from unnest(arrived) as part), 0)::float8 as arrived,
      coalesce(upper(arrived) - 1, 0)::float8 as highest,
      array(
        select case when upper(gap) - lower(gap) = 1 then lower(gap)::text else lower(gap) || '-' || upper(gap) - 1 end
        from unnest(int8multirange(int8range(1, upper(arrived))) - arrived) as gap
        order by lower(gap)
        limit 20) as gaps
    from events.source
    where ($1::text is null or project = $1) and ($2::text is null or environment = $2)
      and ($3::text is null or region = $3) and ($4::text is null or source_id = $4)
      and last_seen_at >= to_timestamp($5::float8 / 1000.0)
    order by last_seen_at desc, source_id
    limit $6::int`,
};

/** A letter's subject ends with its project and environment, in whose names nothing is a wildcard. */
export const countDeadLetters: Statement = {
  name: 'ingestion.count_dead_letters',
  text: `
    select count(*)::float8 as count from events.dead_letter
    where $1::text is null or subject like '%.' || $1 || '.' || coalesce($2, '%')`,
};

/** Days that have a partition of their own. */
export const listDays: Statement = {
  name: 'ingestion.list_days',
  text: `
    select to_date(substring(child.relname from 'event_(\\d{8})$'), 'YYYYMMDD')::text as day
    from pg_inherits join pg_class as child on child.oid = inhrelid
    where inhparent = 'events.event'::regclass and child.relname ~ '^event_\\d{8}$'
    order by 1`,
};

const inScope = `
      and ($1::text is null or project = $1) and ($2::text is null or environment = $2)
      and ($3::text is null or region = $3) and received_at >= to_timestamp($4::float8 / 1000.0)`;

/** Rows of one day whose ids lie in a range: the key finds them. */
export const recountHour: Statement = {
  name: 'ingestion.recount_hour',
  text: `
    select count(*)::float8 as count from events.event
    where id_day = $5::date and event_id >= $6::uuid and event_id < $7::uuid${inScope}`,
};

/** Rows of days without a partition of their own. */
export const recountStrays: Statement = {
  name: 'ingestion.recount_strays',
  text: `
    select count(*)::float8 as count from (
      select project, environment, region, received_at from events.event_default
      union all
      select project, environment, region, received_at from events.event_dayless) as stray
    where true${inScope}`,
};
