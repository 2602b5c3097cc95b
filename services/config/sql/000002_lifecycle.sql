-- Projects, environments and keys say what they are for, count their changes, and can be archived.
alter table config.project
  add column description text not null default '',
  add column version integer not null default 1,
  add column archived_at timestamptz,
  add column changed_at timestamptz,
  add column changed_by text not null default '';

alter table config.environment
  add column description text not null default '',
  add column version integer not null default 1,
  add column archived_at timestamptz,
  add column changed_at timestamptz,
  add column changed_by text not null default '';

alter table config.sdk_key
  add column version integer not null default 1,
  add column archived_at timestamptz;

-- The highest version that an entity ever had: after a rollback its own is lower, and no version
-- may come twice with another body. 0 says that the body's is the highest.
alter table config.entity add column highest_version integer not null default 0;

-- What happened to an entity, a ChangeKind, and the version that it has or had; 0 for rows of code
-- that did not say.
alter table config.entity_version
  add column kind integer not null default 0,
  add column version integer not null default 0;

-- Entities that are no part of the newest ruleset, with their last body.
create table config.archived_entity (
  project text not null,
  environment text not null,
  section integer not null,
  name text not null,
  body bytea not null,
  highest_version integer not null,
  archived_in_revision bigint not null,
  archived_at timestamptz not null,
  archived_by text not null,
  primary key (project, environment, section, name),
  foreign key (project, environment) references config.environment (project, name)
);

-- What was deleted before there was an archive.
insert into config.archived_entity
    (project, environment, section, name, body, highest_version,
     archived_in_revision, archived_at, archived_by)
  select gone.project, gone.environment, gone.section, gone.name, held.body, 0,
      gone.revision, revision.committed_at, revision.author
    from (
      select distinct on (project, environment, section, name) project, environment, section, name, revision, body
        from config.entity_version order by project, environment, section, name, revision desc
    ) gone
    join config.revision on revision.project = gone.project and revision.environment = gone.environment
      and revision.revision = gone.revision
    cross join lateral (
      select body from config.entity_version earlier
        where earlier.project = gone.project and earlier.environment = gone.environment
          and earlier.section = gone.section and earlier.name = gone.name and earlier.body is not null
        order by earlier.revision desc limit 1
    ) held
    where gone.body is null;
