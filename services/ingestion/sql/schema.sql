-- Generated from the migrations beside it; do not edit.

create schema events;

CREATE OR REPLACE FUNCTION events.drop_day(day date)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
 SET lock_timeout TO '1s'
AS $function$
declare
  partition_name text := 'event_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(format('events.%I', partition_name)) is null then
    return false;
  end if;
  execute format('drop table events.%I', partition_name);
  return true;
end
$function$;

CREATE OR REPLACE FUNCTION events.ensure_day(day date)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
 SET lock_timeout TO '2s'
AS $function$
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
$function$;

create table events.book (
  hour timestamp with time zone not null,
  project text not null,
  environment text not null,
  region text not null,
  instance text not null,
  messages bigint not null,
  messages_buried bigint not null,
  events bigint not null,
  stored bigint not null,
  duplicate bigint not null,
  buried bigint not null,
  constraint book_pkey PRIMARY KEY (hour, project, environment, region, instance)
);

create table events.dead_letter (
  id bigint generated always as identity not null,
  subject text not null,
  stream_sequence bigint not null,
  event_id text,
  reason text not null,
  payload bytea not null,
  buried_at timestamp with time zone not null default now(),
  constraint dead_letter_pkey PRIMARY KEY (id)
);
CREATE INDEX dead_letter_by_age ON events.dead_letter USING btree (buried_at);
CREATE UNIQUE INDEX dead_letter_once ON events.dead_letter USING btree (stream_sequence, COALESCE(event_id, ''::text), md5(payload));

create table events.event (
  project text not null,
  environment text not null,
  event_id uuid not null,
  id_day date not null,
  name text not null,
  happened_at timestamp with time zone not null,
  skew_ms bigint not null,
  received_at timestamp with time zone not null,
  user_id text,
  custom_ids jsonb,
  attributes jsonb,
  number_value double precision,
  string_value text,
  metadata jsonb,
  exposure jsonb,
  instance text not null,
  region text not null,
  constraint event_pkey PRIMARY KEY (event_id, project, id_day)
) partition by range (id_day);

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
  variant text not null,
  revision bigint not null,
  event_id uuid not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  exposures bigint not null,
  is_crossover boolean not null,
  constraint exposure_pkey PRIMARY KEY (project, environment, key, kind, allocated_experiment, id_type, unit_id)
);
CREATE INDEX exposure_by_experiment ON events.exposure USING btree (project, environment, allocated_experiment) WHERE (allocated_experiment <> ''::text);

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
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  constraint exposure_count_pkey PRIMARY KEY (project, environment, key, kind, allocated_experiment, group_name, rule_id, gate_value, day)
);
CREATE INDEX exposure_count_by_day ON events.exposure_count USING btree (day);

create table events.forgotten_start (
  region text not null,
  instance text not null,
  reported_at timestamp with time zone not null,
  counters jsonb not null,
  constraint forgotten_start_pkey PRIMARY KEY (region, instance)
);

create table events.instance (
  region text not null,
  instance text not null,
  started_at timestamp with time zone not null,
  reported_at timestamp with time zone not null,
  counters jsonb not null,
  constraint instance_pkey PRIMARY KEY (region, instance, started_at)
);

create table events.migration (
  number integer not null,
  name text not null,
  is_breaking boolean not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (number)
);

create table events.settled (
  stream text not null,
  sequence bigint not null,
  published_us bigint not null,
  project text not null,
  environment text not null,
  region text not null,
  instance text not null,
  received_at timestamp with time zone not null,
  events bigint not null,
  stored bigint not null,
  duplicate bigint not null,
  buried bigint not null,
  is_unreadable boolean not null,
  settled_at timestamp with time zone not null default now(),
  constraint settled_pkey PRIMARY KEY (stream, sequence, published_us)
);

create table events.source (
  project text not null,
  environment text not null,
  source_id text not null,
  region text not null,
  arrived int8multirange not null,
  accepted bigint not null,
  duplicate bigint not null,
  rejected jsonb not null,
  report_number bigint not null,
  report bytea,
  first_seen_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  constraint source_pkey PRIMARY KEY (project, environment, source_id)
);
CREATE INDEX source_by_last_seen ON events.source USING btree (last_seen_at);

create table events.usage (
  project text not null,
  environment text not null,
  day date not null,
  name text not null,
  events bigint not null,
  total double precision not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  units bytea not null,
  constraint usage_pkey PRIMARY KEY (project, environment, name, day)
);
CREATE INDEX usage_by_day ON events.usage USING btree (day, project, environment);

create table events.usage_delta (
  id bigint generated always as identity not null,
  project text not null,
  environment text not null,
  day date not null,
  name text not null,
  events bigint not null,
  total double precision not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  units bytea not null,
  constraint usage_delta_pkey PRIMARY KEY (id)
);
