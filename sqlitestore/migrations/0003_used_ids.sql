-- Ids of what may be used once, such as proofs and codes, for as long as they
-- could be presented again.

CREATE TABLE passbearer_used_ids (
	id         TEXT    NOT NULL PRIMARY KEY,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX passbearer_used_ids_by_expiry ON passbearer_used_ids (expires_at);
