-- Books, usage, and a key that is cheap to fill: what the writer needs to write by COPY.

-- The id first: its sixteen bytes nearly always decide a comparison, and those of version 7 arrive
-- nearly in order. No question asks for rows by name: counts come from `usage`, and who reads whole
-- days reads whole partitions.
alter table events.event
  drop constraint event_pkey,
  add constraint event_pkey primary key (event_id, project, id_day);
drop index events.event_by_name;

-- One row for each message of the log that was settled, made in the transaction of its events: a
-- message that comes again is known, whatever is in it. Folded into `book` after a while.
create table events.settled (
  stream text not null,
  sequence bigint not null,
  -- When the log took it, microseconds since 1970: a log that lost its disk counts from 1 again.
  published_us bigint not null,
  project text not null,
  environment text not null,
  region text not null,
  instance text not null,
  received_at timestamptz not null,
  -- events = stored + duplicate + buried.
  events bigint not null,
  stored bigint not null,
  duplicate bigint not null,
  buried bigint not null,
  -- No batch at all: buried whole, events unknown.
  is_unreadable boolean not null,
  settled_at timestamptz not null default now(),
  primary key (stream, sequence, published_us)
);

-- Settled messages by the hour in which ingestion took them in.
create table events.book (
  hour timestamptz not null,
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
  primary key (hour, project, environment, region, instance)
);

-- What instances of ingestion say of themselves, a row for each start.
create table events.instance (
  region text not null,
  instance text not null,
  started_at timestamptz not null,
  reported_at timestamptz not null,
  counters jsonb not null,
  primary key (region, instance, started_at)
);

-- Where events come from, what arrived of each, and what each says of itself.
create table events.source (
  project text not null,
  environment text not null,
  source_id text not null,
  region text not null,
  -- Numbers of events that arrived, whatever became of them.
  arrived int8multirange not null,
  accepted bigint not null,
  duplicate bigint not null,
  -- Counts by field.
  rejected jsonb not null,
  -- The highest number that a report had; 0 without any.
  report_number bigint not null,
  -- An encoded SourceReport.
  report bytea,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (project, environment, source_id)
);

create index source_by_last_seen on events.source (last_seen_at);

-- Events by the day on which they happened (UTC) and name; the empty name is all of them together.
create table events.usage (
  project text not null,
  environment text not null,
  day date not null,
  name text not null,
  events bigint not null,
  total double precision not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- A HyperLogLog of units.
  units bytea not null,
  primary key (project, environment, name, day)
);

-- What transactions added to `usage`, folded into it once in a while: writers that add rows never
-- wait for each other, as they would if all of them changed today's.
create table events.usage_delta (
  id bigint generated always as identity primary key,
  project text not null,
  environment text not null,
  day date not null,
  name text not null,
  events bigint not null,
  total double precision not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  units bytea not null
);

-- Removes the partition of a day; answers whether there was one. Whoever waits for its lock makes all
-- others wait behind it: so it does not wait long.
create function events.drop_day(day date) returns boolean
language plpgsql
set search_path = pg_catalog
set lock_timeout = '1s'
as $$
declare
  partition_name text := 'event_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(format('events.%I', partition_name)) is null then
    return false;
  end if;
  execute format('drop table events.%I', partition_name);
  return true;
end
$$;
