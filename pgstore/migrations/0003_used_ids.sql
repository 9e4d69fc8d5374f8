-- Ids of what may be used once, such as proofs and codes, for as long as they
-- could be presented again.
CREATE TABLE {schema}.used_ids (
	id         text COLLATE "C" PRIMARY KEY,
	expires_at timestamptz NOT NULL
);

CREATE INDEX used_ids_by_expiry ON {schema}.used_ids (expires_at);
