-- Text compares byte by byte: COLLATE "C" knows no locale, and survives an
-- upgrade of the C library, which would break indexes of other collations.
-- Durations are nanoseconds.

CREATE TABLE {schema}.users (
	id            text COLLATE "C" PRIMARY KEY,
	name          text COLLATE "C" NOT NULL UNIQUE,
	password_hash text COLLATE "C" NOT NULL,
	scope         text COLLATE "C" NOT NULL,
	disabled      boolean NOT NULL,
	epoch         bigint NOT NULL
);

CREATE TABLE {schema}.clients (
	id            text COLLATE "C" PRIMARY KEY,
	secret_hash   text COLLATE "C" NOT NULL,
	public        boolean NOT NULL,
	refresh_grace bigint NOT NULL
);

-- A rotation changes no indexed column, so that it is a heap-only update: no
-- index is touched, and room for the new version is kept on the row's page.
-- dead_after is the day after the session's end, whichever comes first: it is
-- the exception, and changes once a day.
CREATE TABLE {schema}.sessions (
	id            text COLLATE "C" PRIMARY KEY,
	user_id       text COLLATE "C" NOT NULL,
	client_id     text COLLATE "C" NOT NULL,
	scope         text COLLATE "C" NOT NULL,
	epoch         bigint NOT NULL,
	generation    bigint NOT NULL,
	auth_time     timestamptz,
	acr           text COLLATE "C" NOT NULL,
	amr           text COLLATE "C" NOT NULL,
	jkt           text COLLATE "C" NOT NULL,
	extra         text COLLATE "C" NOT NULL,
	user_agent    text COLLATE "C" NOT NULL,
	idle_lifetime bigint NOT NULL,
	lifetime      bigint NOT NULL,
	created_at    timestamptz NOT NULL,
	last_used_at  timestamptz NOT NULL,
	ended_at      timestamptz,
	dead_after    timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX sessions_by_user ON {schema}.sessions (user_id, created_at);
CREATE INDEX sessions_by_death ON {schema}.sessions (dead_after);

-- kind: 1 is a session, 2 a token, 3 a user.
CREATE TABLE {schema}.revocations (
	kind       integer NOT NULL,
	key        text COLLATE "C" NOT NULL,
	epoch      bigint NOT NULL,
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (kind, key)
);

CREATE INDEX revocations_by_expiry ON {schema}.revocations (expires_at);
