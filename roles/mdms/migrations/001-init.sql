CREATE TABLE usage_point (
  id text PRIMARY KEY,
  zone text NOT NULL,
  commodity text NOT NULL,
  category text NOT NULL
);

-- Which meter is where and when. Rows are never changed but for superseded_at: what was known when can be asked.
CREATE TABLE assignment (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  usage_point_id text NOT NULL,
  meter_id text NOT NULL,
  valid_from bigint NOT NULL,
  valid_to bigint,
  recorded_at bigint NOT NULL,
  superseded_at bigint
);

-- A stream of intervals of one meter or, for imports and corrections, of one usage point. Another unit, scaler, step, grid,
-- zone or capture list makes another channel.
CREATE TABLE channel (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner_kind text NOT NULL,
  owner_id text NOT NULL,
  name text NOT NULL,
  unit smallint NOT NULL,
  scaler smallint NOT NULL,
  step_ms int NOT NULL,
  phase_ms int NOT NULL,
  capture_version int NOT NULL,
  zone text NOT NULL,
  UNIQUE (owner_kind, owner_id, name, unit, scaler, step_ms, phase_ms, capture_version, zone)
);

-- A local day of a channel, one row a version. The highest version holds; earlier ones stay as they were.
CREATE TABLE block (
  recorded_at bigint NOT NULL,
  source bigint NOT NULL,
  sum bigint NOT NULL,
  channel_id int NOT NULL,
  day int NOT NULL,
  version smallint NOT NULL,
  provenance smallint NOT NULL,
  present smallint NOT NULL,
  estimated smallint NOT NULL,
  octets bytea NOT NULL,
  PRIMARY KEY (channel_id, day, version)
);
-- Blocks are compact already.
ALTER TABLE block ALTER octets SET STORAGE EXTERNAL;
-- Many rows share a day, so this index costs a few octets a row; it serves completeness of the fleet.
CREATE INDEX block_day ON block (day);

CREATE TABLE register (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  meter_id text NOT NULL,
  obis text NOT NULL,
  unit smallint NOT NULL,
  scaler smallint NOT NULL,
  UNIQUE (meter_id, obis, unit, scaler)
);

CREATE TABLE reading (
  at bigint NOT NULL,
  recorded_at bigint NOT NULL,
  register_id int NOT NULL,
  version smallint NOT NULL,
  reason text NOT NULL,
  value numeric NOT NULL,
  PRIMARY KEY (register_id, at, version)
);

CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  meter_id text NOT NULL,
  at bigint NOT NULL,
  recorded_at bigint NOT NULL,
  type text NOT NULL,
  severity text NOT NULL,
  text text NOT NULL,
  UNIQUE (meter_id, at, type, text)
);

-- Where the head-end's log was read up to; one row.
CREATE TABLE collection (
  id int PRIMARY KEY CHECK (id = 1),
  cursor text NOT NULL,
  seq bigint NOT NULL,
  collected_at bigint NOT NULL
);

CREATE TABLE import (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at bigint NOT NULL,
  lines bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  intervals bigint NOT NULL DEFAULT 0
);
