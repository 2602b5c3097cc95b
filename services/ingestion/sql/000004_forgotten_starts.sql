-- What starts of instances counted that are known no longer, added up: what came out of the log since
-- then is compared with it for as long as books are kept.
create table events.forgotten_start (
  region text not null,
  instance text not null,
  reported_at timestamptz not null,
  counters jsonb not null,
  primary key (region, instance)
);
