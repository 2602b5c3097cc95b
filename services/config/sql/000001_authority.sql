create table config.project (
  name text primary key,
  created_at timestamptz not null default now()
);

-- A project and environment pair is a set. The row is the set's lock: every write takes it first.
create table config.environment (
  project text not null references config.project (name),
  name text not null,
  revision bigint not null default 0,
  state_hash bytea not null,
  committed_at timestamptz not null default now(),
  primary key (project, name)
);

-- Entities as they stand at the newest revision.
create table config.entity (
  project text not null,
  environment text not null,
  section integer not null,
  name text not null,
  body bytea not null,
  changed_in_revision bigint not null,
  changed_at timestamptz not null,
  changed_by text not null,
  primary key (project, environment, section, name),
  foreign key (project, environment) references config.environment (project, name)
);

create table config.revision (
  project text not null,
  environment text not null,
  revision bigint not null,
  state_hash bytea not null,
  committed_at timestamptz not null,
  author text not null,
  reason text not null,
  primary key (project, environment, revision),
  foreign key (project, environment) references config.environment (project, name)
);

-- What each revision did to each entity; a missing body is a deletion. Nothing is ever removed here.
create table config.entity_version (
  project text not null,
  environment text not null,
  revision bigint not null,
  section integer not null,
  name text not null,
  body bytea,
  primary key (project, environment, revision, section, name),
  foreign key (project, environment, revision) references config.revision (project, environment, revision)
);

create index entity_version_of_entity on config.entity_version (project, environment, section, name, revision);

-- Who did what, when and why. Each row holds the hash of the row before it in its set.
create table config.audit (
  project text not null,
  environment text not null,
  revision bigint not null,
  at timestamptz not null,
  author text not null,
  reason text not null,
  changes text not null,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (project, environment, revision)
);

-- Frames on their way to the bus, and the newest ones of each set for watchers that fell behind.
create table config.outbox (
  position bigint generated always as identity primary key,
  project text not null,
  environment text not null,
  revision bigint not null,
  frame bytea not null,
  traceparent text,
  sent_at timestamptz,
  unique (project, environment, revision)
);

create index outbox_unsent on config.outbox (position) where sent_at is null;

create table config.sdk_key (
  digest text primary key,
  key_class integer not null,
  project text not null,
  environment text not null,
  can_write boolean not null,
  label text not null,
  created_at timestamptz not null default now()
);
