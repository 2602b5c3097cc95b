/** Statements of the housekeeper. */
import type { Statement } from '@sluice/postgres';

export const lockHouse: Statement = {
  name: 'ingestion.lock_house',
  text: `select pg_try_advisory_xact_lock(hashtext('events.house')) as "isMine"`,
};

export const reportInstance: Statement = {
  name: 'ingestion.report_instance',
  text: `
    insert into events.instance (region, instance, started_at, reported_at, counters)
    values ($1, $2, to_timestamp($3::float8 / 1000.0), now(), $4::jsonb)
    on conflict (region, instance, started_at) do update set
      reported_at = excluded.reported_at, counters = excluded.counters`,
};

/** A transaction that began earlier may still commit a lower id; it is folded the next time. */
export const usageRange: Statement = {
  name: 'ingestion.usage_range',
  text: `
    select count(*)::int as count, max(id) as "lastId"
    from (select id from events.usage_delta order by id limit $1::int) as oldest`,
};

/** Names that a day has no more room for become one; those that it has stay what they are. */
export const foldSurplusNames: Statement = {
  name: 'ingestion.fold_surplus_names',
  text: `
    with fresh as (
      select distinct project, environment, day, name from events.usage_delta where id <= $1::bigint and name <> $3),
    fresh_days as (select distinct project, environment, day from fresh),
    held as (
      select project, environment, day, count(*) as names
      from events.usage join fresh_days using (project, environment, day)
      where name not in ('', $3)
      group by project, environment, day),
    added as (
      select project, environment, day, name,
        row_number() over (partition by project, environment, day order by name) as place
      from fresh
      where not exists (
        select from events.usage
        where (usage.project, usage.environment, usage.name, usage.day)
          = (fresh.project, fresh.environment, fresh.name, fresh.day))),
    surplus as (
      select project, environment, day, name
      from added left join held using (project, environment, day)
      where place + coalesce(names, 0) > $2::int)
    update events.usage_delta as delta set name = $3
    from surplus
    where delta.id <= $1::bigint and (delta.project, delta.environment, delta.day, delta.name)
      = (surplus.project, surplus.environment, surplus.day, surplus.name)`,
};

/** The sketches of what is to be folded, and of what it is folded into. */
export const usageSketches: Statement = {
  name: 'ingestion.usage_sketches',
  text: `
    with fresh as (select project, environment, day, name, units from events.usage_delta where id <= $1::bigint)
    select project, environment, day::text as day, name, units from fresh
    union all
    select held.project, held.environment, held.day::text, held.name, held.units
    from events.usage as held
      join (select distinct project, environment, day from fresh) as touched using (project, environment, day)
    where held.name = '' or exists (
      select from fresh
      where (fresh.project, fresh.environment, fresh.day, fresh.name)
        = (held.project, held.environment, held.day, held.name))`,
};

/** For each name, and for all of them together under the empty one. */
export const mergeUsage: Statement = {
  name: 'ingestion.merge_usage',
  text: `
    insert into events.usage as held (project, environment, day, name, events, total, first_at, last_at, units)
    select project, environment, day, name, added.events, added.total, added.first_at, added.last_at, merged.units
    from (
      select project, environment, day, case when grouping(name) = 1 then '' else name end as name,
        sum(events) as events, sum(total) as total, min(first_at) as first_at, max(last_at) as last_at
      from events.usage_delta
      where id <= $1::bigint
      group by grouping sets ((project, environment, day, name), (project, environment, day))) as added
      join unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::bytea[])
        as merged (project, environment, day, name, units) using (project, environment, day, name)
    on conflict (project, environment, name, day) do update set
      events = held.events + excluded.events,
      total = held.total + excluded.total,
      first_at = least(held.first_at, excluded.first_at),
      last_at = greatest(held.last_at, excluded.last_at),
      units = excluded.units`,
};

export const forgetUsageDeltas: Statement = {
  name: 'ingestion.forget_usage_deltas',
  text: 'delete from events.usage_delta where id <= $1::bigint',
};

export const foldSettled: Statement = {
  name: 'ingestion.fold_settled',
  text: `
    with gone as (
      delete from events.settled
      where (stream, sequence, published_us) in (
        select stream, sequence, published_us from events.settled
        where settled_at < now() - make_interval(secs => $1)
        limit $2::int)
      returning *),
    folded as (
      insert into events.book as held (hour, project, environment, region, instance, messages, messages_buried, events,
        stored, duplicate, buried)
      select date_trunc('hour', received_at, 'UTC'), project, environment, region, instance, count(*),
        count(*) filter (where is_unreadable), sum(events), sum(stored), sum(duplicate), sum(buried)
      from gone
      group by 1, 2, 3, 4, 5
      on conflict (hour, project, environment, region, instance) do update set
        messages = held.messages + excluded.messages,
        messages_buried = held.messages_buried + excluded.messages_buried,
        events = held.events + excluded.events,
        stored = held.stored + excluded.stored,
        duplicate = held.duplicate + excluded.duplicate,
        buried = held.buried + excluded.buried)
    select count(*)::int as count from gone`,
};

export const oldDays: Statement = {
  name: 'ingestion.old_days',
  text: `
    select to_date(substring(child.relname from 'event_(\\d{8})$'), 'YYYYMMDD')::text as day
    from pg_inherits join pg_class as child on child.oid = inhrelid
    where inhparent = 'events.event'::regclass and child.relname ~ '^event_\\d{8}$'
      and to_date(substring(child.relname from 'event_(\\d{8})$'), 'YYYYMMDD') < (now() at time zone 'UTC')::date - $1::int
    order by 1`,
};

export const dropDay: Statement = {
  name: 'ingestion.drop_day',
  text: 'select events.drop_day($1::date) as "isDropped"',
};

export const isDayMade: Statement = {
  name: 'ingestion.is_day_made',
  text: `select to_regclass('events.event_' || to_char($1::date, 'YYYYMMDD')) is not null as "isMade"`,
};

/** Of the oldest rows, as many as are wanted, those before so many days ago. */
const deleteOld = (name: string, table: string, condition: string): Statement => ({
  name: `ingestion.delete_old_${name}`,
  text: `
    with gone as (
      delete from ${table}
      where ctid in (select ctid from ${table} where ${condition} limit $2::int)
      returning 1)
    select count(*)::int as count from gone`,
});

const someDaysAgo = 'now() - make_interval(days => $1::int)';
const someDayAgo = `(now() at time zone 'UTC')::date - $1::int`;

/** Rows of no partition of their own go by the time they came. */
export const deleteOldStrays = deleteOld('strays', 'events.event_default', `received_at < ${someDaysAgo}`);
export const deleteOldDayless = deleteOld('dayless', 'events.event_dayless', `received_at < ${someDaysAgo}`);
export const deleteOldExposureCounts = deleteOld('counts', 'events.exposure_count', `day < ${someDayAgo}`);
export const deleteOldUsage = deleteOld('usage', 'events.usage', `day < ${someDayAgo}`);
export const deleteOldBooks = deleteOld('books', 'events.book', `hour < ${someDaysAgo}`);
export const deleteOldLetters = deleteOld('letters', 'events.dead_letter', `buried_at < ${someDaysAgo}`);

export const countExposurePages: Statement = {
  name: 'ingestion.count_exposure_pages',
  text: `
    select (pg_relation_size('events.exposure') / current_setting('block_size')::bigint + 1)::float8 as pages`,
};

/** Among the rows between two places of the table. */
export const deleteOldExposures: Statement = {
  name: 'ingestion.delete_old_exposures',
  text: `
    delete from events.exposure
    where ctid >= $2::tid and ctid < $3::tid and last_at < ${someDaysAgo}`,
};

/** Of a project's sources those that were heard of last stay. */
export const forgetSurplusSources: Statement = {
  name: 'ingestion.forget_surplus_sources',
  text: `
    with gone as (
      delete from events.source
      where (project, environment, source_id) in (
        select project, environment, source_id
        from (
          select project, environment, source_id,
            row_number() over (partition by project order by last_seen_at desc) as place
          from events.source) as ranked
        where place > $1::int
        limit $2::int)
      returning 1)
    select count(*)::int as count from gone`,
};

export const forgetSilent: Statement = {
  name: 'ingestion.forget_silent',
  text: 'delete from events.source where last_seen_at < now() - make_interval(days => $1::int)',
};

/** Each with whether the instance started again. */
export const takeSilentStarts: Statement = {
  name: 'ingestion.take_silent_starts',
  text: `
    delete from events.instance as gone
    where (region, instance, started_at) in (
      select region, instance, started_at from events.instance
      where reported_at < now() - make_interval(days => $1::int)
      order by reported_at
      limit $2::int)
    returning region, instance, counters, floor(extract(epoch from reported_at) * 1000)::float8 as "reportedAtMs",
      exists (
        select from events.instance as later
        where (later.region, later.instance) = (gone.region, gone.instance) and later.started_at > gone.started_at)
        as "hasSuccessor"`,
};

export const addForgottenStarts: Statement = {
  name: 'ingestion.add_forgotten_starts',
  text: `
    insert into events.forgotten_start as held (region, instance, reported_at, counters)
    select region, instance, max(to_timestamp(reported_ms / 1000.0)),
      (select jsonb_object_agg(name, total) from (
        select name, sum(count::bigint) as total
        from unnest(array_agg(counters)) as each_of (one), jsonb_each_text(one::jsonb) as pair (name, count)
        group by name) as summed)
    from unnest($1::text[], $2::text[], $3::float8[], $4::text[]) as row (region, instance, reported_ms, counters)
    group by region, instance
    order by region, instance
    on conflict (region, instance) do update set
      reported_at = greatest(held.reported_at, excluded.reported_at),
      counters = (
        select jsonb_object_agg(name, total) from (
          select name, sum(count::bigint) as total
          from (select * from jsonb_each_text(held.counters) union all select * from jsonb_each_text(excluded.counters))
            as both_of (name, count)
          group by name) as summed)`,
};
