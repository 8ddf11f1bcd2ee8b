-- Instants are milliseconds since the epoch, UTC. Days count from 1970-01-01 in the usage point's zone.

CREATE TABLE account (
  id text PRIMARY KEY,
  role text NOT NULL CHECK (role IN ('customer', 'operator')),
  name text NOT NULL,
  created_at bigint NOT NULL,
  disabled_at bigint
);

CREATE TABLE usage_point (
  id text PRIMARY KEY,
  address text NOT NULL,
  zone text NOT NULL,
  category text NOT NULL,
  currency text NOT NULL
);

-- Who may see which usage point, and only for the time it is theirs. A row is a stretch of time, half-open.
CREATE TABLE usage_point_right (
  account_id text NOT NULL REFERENCES account,
  usage_point_id text NOT NULL REFERENCES usage_point,
  from_at bigint NOT NULL,
  to_at bigint CHECK (to_at > from_at),
  PRIMARY KEY (account_id, usage_point_id, from_at)
);
CREATE INDEX usage_point_right_by_point ON usage_point_right (usage_point_id);

-- A price sheet never changes: a new price is a new sheet and a new row in usage_point_tariff.
CREATE TABLE tariff (
  id text PRIMARY KEY,
  sheet text NOT NULL
);

CREATE TABLE usage_point_tariff (
  usage_point_id text NOT NULL REFERENCES usage_point,
  from_at bigint NOT NULL,
  to_at bigint CHECK (to_at > from_at),
  tariff_id text NOT NULL REFERENCES tariff,
  PRIMARY KEY (usage_point_id, from_at)
);

-- Tokens are kept as SHA-256 only: who reads this table can use none of them.
CREATE TABLE sign_in_link (
  hash bytea PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  used_at bigint
);

CREATE TABLE session (
  hash bytea PRIMARY KEY,
  public_id text NOT NULL UNIQUE,
  account_id text NOT NULL REFERENCES account,
  signed_in_by text NOT NULL CHECK (signed_in_by IN ('link', 'passkey')),
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended_at bigint
);
CREATE INDEX session_by_account ON session (account_id);

CREATE TABLE passkey (
  id text PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  name text NOT NULL,
  public_key bytea NOT NULL,
  counter bigint NOT NULL,
  transports text NOT NULL,
  created_at bigint NOT NULL,
  last_used_at bigint
);
CREATE INDEX passkey_by_account ON passkey (account_id);

-- Challenges are answered once. account_id is null for sign-in with a passkey that names its owner itself.
CREATE TABLE challenge (
  hash bytea PRIMARY KEY,
  challenge text NOT NULL,
  account_id text REFERENCES account,
  expires_at bigint NOT NULL
);

-- Who did or saw what. Each row's hash covers the row before, so that a row changed or taken out shows.
CREATE TABLE audit (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  actor text NOT NULL,
  actor_role text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  purpose text NOT NULL,
  outcome text NOT NULL,
  hash bytea NOT NULL
);
CREATE INDEX audit_by_subject ON audit (subject, seq);

CREATE FUNCTION audit_grows_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit table only grows';
END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_grows_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_grows_only();
