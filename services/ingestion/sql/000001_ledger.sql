-- The ledger: every event once, the first exposure of every unit, and what could not be counted.

-- Partitioned by the day inside the event's own id. A unique key of a partitioned table must hold
-- the partition column; because that day is a function of the id alone, the key below is as strict
-- as (project, event_id), whatever a retry says about times. Ids that carry no day have 1970-01-01
-- and live in the default partition, as do days that have no partition of their own.
create table events.event (
  project text not null,
  environment text not null,
  event_id uuid not null,
  id_day date not null,
  name text not null,
  -- When it happened, corrected by skew_ms.
  happened_at timestamptz not null,
  skew_ms bigint not null,
  received_at timestamptz not null,
  user_id text,
  custom_ids jsonb,
  -- The user's attributes; never the private ones.
  attributes jsonb,
  number_value double precision,
  string_value text,
  metadata jsonb,
  exposure jsonb,
  instance text not null,
  region text not null,
  primary key (project, id_day, event_id)
) partition by range (id_day);

create table events.event_default partition of events.event default;

create index event_by_name on events.event (project, environment, name, happened_at);

-- Makes the partition of a day; harmless when it exists. Rows of that day that came before it are
-- moved over from the default partition, without which it could not be attached.
create function events.ensure_day(day date) returns void
language plpgsql
set search_path = pg_catalog
as $$
declare
  partition_name text := 'event_' || to_char(day, 'YYYYMMDD');
begin
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

-- One row for each unit and entity: its first exposure by (first_at, event_id), in whichever order
-- they arrive. For layers the experiment that decided is part of the entity.
create table events.exposure (
  project text not null,
  environment text not null,
  key text not null,
  kind smallint not null,
  allocated_experiment text not null,
  id_type text not null,
  unit_id text not null,
  group_name text not null,
  rule_id text not null,
  gate_value boolean not null,
  -- What makes two exposures the same side of an experiment: the gate's value, the group, or the rule.
  variant text not null,
  revision bigint not null,
  event_id uuid not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  exposures bigint not null,
  -- The unit was seen with another variant, too.
  is_crossover boolean not null,
  primary key (project, environment, key, kind, allocated_experiment, id_type, unit_id)
);

create index exposure_by_experiment on events.exposure (project, environment, allocated_experiment)
  where allocated_experiment <> '';

-- Exposures by group and day (UTC).
create table events.exposure_count (
  project text not null,
  environment text not null,
  key text not null,
  kind smallint not null,
  allocated_experiment text not null,
  group_name text not null,
  rule_id text not null,
  gate_value boolean not null,
  day date not null,
  exposures bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (project, environment, key, kind, allocated_experiment, group_name, rule_id, gate_value, day)
);

-- What the writer could not count, with the reason; the line goes on without it.
create table events.dead_letter (
  id bigint generated always as identity primary key,
  subject text not null,
  stream_sequence bigint not null,
  -- Null when the message can't be decoded at all.
  event_id text,
  reason text not null,
  -- An encoded EventBatch with the one event, or the message as it came.
  payload bytea not null,
  buried_at timestamptz not null default now()
);

-- Once for each message and event. The payload is part of it: a log that lost its disk counts from 1 again.
create unique index dead_letter_once on events.dead_letter (stream_sequence, coalesce(event_id, ''), md5(payload));
