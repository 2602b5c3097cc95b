-- Generated from the migrations beside it; do not edit.

create schema config;

create table config.archived_entity (
  project text not null,
  environment text not null,
  section integer not null,
  name text not null,
  body bytea not null,
  highest_version integer not null,
  archived_in_revision bigint not null,
  archived_at timestamp with time zone not null,
  archived_by text not null,
  constraint archived_entity_pkey PRIMARY KEY (project, environment, section, name),
  constraint archived_entity_project_environment_fkey FOREIGN KEY (project, environment) REFERENCES config.environment(project, name)
);

create table config.audit (
  project text not null,
  environment text not null,
  revision bigint not null,
  at timestamp with time zone not null,
  author text not null,
  reason text not null,
  changes text not null,
  previous_hash bytea not null,
  hash bytea not null,
  constraint audit_pkey PRIMARY KEY (project, environment, revision)
);

create table config.entity (
  project text not null,
  environment text not null,
  section integer not null,
  name text not null,
  body bytea not null,
  changed_in_revision bigint not null,
  changed_at timestamp with time zone not null,
  changed_by text not null,
  highest_version integer not null default 0,
  constraint entity_pkey PRIMARY KEY (project, environment, section, name),
  constraint entity_project_environment_fkey FOREIGN KEY (project, environment) REFERENCES config.environment(project, name)
);

create table config.entity_version (
  project text not null,
  environment text not null,
  revision bigint not null,
  section integer not null,
  name text not null,
  body bytea,
  kind integer not null default 0,
  version integer not null default 0,
  constraint entity_version_pkey PRIMARY KEY (project, environment, revision, section, name),
  constraint entity_version_project_environment_revision_fkey FOREIGN KEY (project, environment, revision) REFERENCES config.revision(project, environment, revision)
);
CREATE INDEX entity_version_of_entity ON config.entity_version USING btree (project, environment, section, name, revision);

create table config.environment (
  project text not null,
  name text not null,
  revision bigint not null default 0,
  state_hash bytea not null,
  committed_at timestamp with time zone not null default now(),
  description text not null default ''::text,
  version integer not null default 1,
  archived_at timestamp with time zone,
  changed_at timestamp with time zone,
  changed_by text not null default ''::text,
  constraint environment_pkey PRIMARY KEY (project, name),
  constraint environment_project_fkey FOREIGN KEY (project) REFERENCES config.project(name)
);

create table config.migration (
  number integer not null,
  name text not null,
  is_breaking boolean not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (number)
);

create table config.outbox (
  "position" bigint generated always as identity not null,
  project text not null,
  environment text not null,
  revision bigint not null,
  frame bytea not null,
  traceparent text,
  sent_at timestamp with time zone,
  constraint outbox_project_environment_revision_key UNIQUE (project, environment, revision),
  constraint outbox_pkey PRIMARY KEY ("position")
);
CREATE INDEX outbox_unsent ON config.outbox USING btree ("position") WHERE (sent_at IS NULL);

create table config.project (
  name text not null,
  created_at timestamp with time zone not null default now(),
  description text not null default ''::text,
  version integer not null default 1,
  archived_at timestamp with time zone,
  changed_at timestamp with time zone,
  changed_by text not null default ''::text,
  constraint project_pkey PRIMARY KEY (name)
);

create table config.revision (
  project text not null,
  environment text not null,
  revision bigint not null,
  state_hash bytea not null,
  committed_at timestamp with time zone not null,
  author text not null,
  reason text not null,
  constraint revision_pkey PRIMARY KEY (project, environment, revision),
  constraint revision_project_environment_fkey FOREIGN KEY (project, environment) REFERENCES config.environment(project, name)
);

create table config.sdk_key (
  digest text not null,
  key_class integer not null,
  project text not null,
  environment text not null,
  can_write boolean not null,
  label text not null,
  created_at timestamp with time zone not null default now(),
  version integer not null default 1,
  archived_at timestamp with time zone,
  changed_at timestamp with time zone,
  changed_by text not null default ''::text,
  constraint sdk_key_pkey PRIMARY KEY (digest)
);
