-- The registry of devices, and what the head-end knows of reading them. Keys are never here: see platform/key-vault.

create table devices (
  meter_id text primary key,
  system_title text not null,
  manufacturer text not null,
  model text not null,
  firmware text not null,
  logical_device_name text not null,
  zone text not null,
  host text not null,
  port integer not null,
  cell text not null,
  server integer not null,
  clients jsonb not null,
  usage_point_id text,
  state text not null check (state in ('registered', 'active', 'unreachable', 'quarantined')),
  state_reason text not null default '',
  read_from bigint,
  imported_at bigint not null,
  last_contact bigint,
  clock_offset_ms bigint,
  failures integer not null default 0,
  read_at bigint not null default 0
);

-- Two devices in service never share a system title; a quarantined clone may be known besides.
create unique index devices_title on devices (system_title) where state <> 'quarantined';

create table captures (
  meter_id text not null,
  profile text not null,
  version integer not null,
  period_ms bigint not null,
  columns jsonb not null,
  since bigint not null,
  primary key (meter_id, profile, version)
);

-- How far each profile of each meter is stored in the log, and the sealed register values at that point.
create table read_states (
  meter_id text not null,
  profile text not null,
  at bigint not null,
  count integer not null,
  seam text not null,
  primary key (meter_id, profile)
);

-- Entry of the log up to which captures, read_states and device states follow from it.
create table progress (
  one boolean primary key default true check (one),
  applied_seq bigint not null
);
insert into progress (applied_seq) values (0);

create table commands (
  id text primary key,
  meter_id text not null,
  kind text not null,
  state text not null check (state in ('requested', 'dispatched', 'confirmed', 'failed', 'expired')),
  requested_at bigint not null,
  expires_at bigint not null,
  detail text not null default '',
  change bigint not null unique
);
create index commands_open on commands (state) where state in ('requested', 'dispatched');

create table sessions (
  seq bigint primary key,
  meter_id text not null,
  priority text not null,
  started_at bigint not null,
  duration_ms integer not null,
  outcome text not null,
  detail text not null,
  rows integer not null
);
create index sessions_meter on sessions (meter_id, seq);
