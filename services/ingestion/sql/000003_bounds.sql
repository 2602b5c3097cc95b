-- Bounds: strays lie apart, days are made without anybody waiting for long, and what is old can be found.

-- Rows without a day of their own go by when they came, and are looked for by day when that day is made.
create index event_default_by_day on events.event_default (id_day);
create index event_default_by_arrival on events.event_default (received_at);

-- Ids that carry no day, such as those of version 4, can be any number: in the default partition they
-- would be looked through whenever a day is made.
lock table events.event_default in share row exclusive mode;
create table events.event_dayless (like events.event including defaults including constraints);
with moved as (delete from events.event_default where id_day = '1970-01-01' returning *)
insert into events.event_dayless select * from moved;
alter table events.event attach partition events.event_dayless for values from ('1970-01-01') to ('1970-01-02');
create index event_dayless_by_arrival on events.event_dayless (received_at);

-- As before, but a day that is there waits for nobody, and one that is not waits for locks for a moment only.
create or replace function events.ensure_day(day date) returns void
language plpgsql
set search_path = pg_catalog
set lock_timeout = '2s'
as $$
declare
  partition_name text := 'event_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(format('events.%I', partition_name)) is not null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('events.ensure_day'));
  if to_regclass(format('events.%I', partition_name)) is not null then
    return;
  end if;
  lock table events.event_default in share row exclusive mode;
  execute format('create table events.%I (like events.event including defaults including constraints)', partition_name);
  execute format(
    'with moved as (delete from events.event_default where id_day = %L returning *) insert into events.%I select * from moved',
    day, partition_name);
  execute format(
    'alter table events.event attach partition events.%I for values from (%L) to (%L)',
    partition_name, day, day + 1);
end
$$;

-- What a retention or a limit looks for.
create index exposure_count_by_day on events.exposure_count (day);
create index usage_by_day on events.usage (day, project, environment);
create index dead_letter_by_age on events.dead_letter (buried_at);
