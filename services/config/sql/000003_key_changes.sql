-- Keys say who changed them last, as projects and environments do.
alter table config.sdk_key
  add column changed_at timestamptz,
  add column changed_by text not null default '';
