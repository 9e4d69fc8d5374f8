-- A counter of attempts to sign in is the time at which its allowance is whole
-- again. There are so many cells and no more, and a row that is over is a whole
-- allowance.

CREATE TABLE passbearer_throttle (
	cell     INTEGER PRIMARY KEY,
	whole_at INTEGER NOT NULL
) STRICT;

CREATE INDEX passbearer_throttle_by_time ON passbearer_throttle (whole_at);
