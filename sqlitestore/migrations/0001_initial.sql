-- Texts compare byte by byte: BINARY is the collation of a column that names
-- none. Times are nanoseconds since 1970 in UTC, durations nanoseconds, and 0 is
-- "not yet". STRICT refuses what has another type.

CREATE TABLE passbearer_users (
	id            TEXT    NOT NULL PRIMARY KEY,
	name          TEXT    NOT NULL UNIQUE,
	password_hash TEXT    NOT NULL,
	scope         TEXT    NOT NULL,
	disabled      INTEGER NOT NULL,
	epoch         INTEGER NOT NULL
) STRICT;

CREATE TABLE passbearer_clients (
	id            TEXT    NOT NULL PRIMARY KEY,
	secret_hash   TEXT    NOT NULL,
	public        INTEGER NOT NULL,
	refresh_grace INTEGER NOT NULL
) STRICT;

-- The number n puts neighbours in time on the same page: old sessions, which are
-- removed together, are together. A rotation changes no indexed column, and so
-- one page.
CREATE TABLE passbearer_sessions (
	n             INTEGER PRIMARY KEY,
	id            TEXT    NOT NULL UNIQUE,
	user_id       TEXT    NOT NULL,
	client_id     TEXT    NOT NULL,
	scope         TEXT    NOT NULL,
	epoch         INTEGER NOT NULL,
	generation    INTEGER NOT NULL,
	auth_time     INTEGER NOT NULL,
	acr           TEXT    NOT NULL,
	amr           TEXT    NOT NULL,
	jkt           TEXT    NOT NULL,
	extra         TEXT    NOT NULL,
	user_agent    TEXT    NOT NULL,
	idle_lifetime INTEGER NOT NULL,
	lifetime      INTEGER NOT NULL,
	created_at    INTEGER NOT NULL,
	last_used_at  INTEGER NOT NULL,
	ended_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX passbearer_sessions_by_user ON passbearer_sessions (user_id, created_at) WHERE ended_at = 0;

-- AUTOINCREMENT: a number is never used again, though its row is gone, for
-- watchers ask for what is above the last number they saw.
CREATE TABLE passbearer_revocations (
	n          INTEGER PRIMARY KEY AUTOINCREMENT,
	session_id TEXT    NOT NULL,
	token_id   TEXT    NOT NULL,
	user_id    TEXT    NOT NULL,
	epoch      INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX passbearer_revocations_by_expiry ON passbearer_revocations (expires_at);
