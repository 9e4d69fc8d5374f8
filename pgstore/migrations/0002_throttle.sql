-- A counter of attempts to sign in is the time at which its allowance is whole
-- again, in microseconds since 1970. There are so many cells and no more; a row
-- that is over is a whole allowance.
CREATE TABLE {schema}.throttle (
	cell     bigint PRIMARY KEY,
	whole_at bigint NOT NULL
);

CREATE INDEX throttle_by_time ON {schema}.throttle (whole_at);

-- reserve_attempt takes one attempt from each cell, or from none of them. It returns
-- null, or else how long each has to wait, in microseconds. It looks first, for
-- a refusal should write nothing, and then once more with the rows locked. They are
-- locked in their order, so that two attempts do not wait for each other.
CREATE FUNCTION {schema}.reserve_attempt(cells bigint[], everies bigint[], bursts bigint[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	now_us  bigint;
	waits   bigint[];
	refused boolean;
	ahead   boolean; -- by more than the limit: a clock was set back
BEGIN
	FOR pass IN 1..2 LOOP
		now_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
		SELECT array_agg(greatest(0, least(greatest(coalesce(t.whole_at, 0) - now_us, 0), burst * every) + every - burst * every) ORDER BY n),
			coalesce(bool_or(t.whole_at > now_us + burst * every), false)
			INTO waits, ahead
			FROM unnest(cells, everies, bursts) WITH ORDINALITY AS a(cell, every, burst, n) LEFT JOIN {schema}.throttle AS t USING (cell);
		refused := 0 < ANY (waits);
		IF refused AND NOT ahead THEN
			RETURN waits;
		END IF;
		IF pass = 1 THEN -- ON CONFLICT locks the rows that it does not update
			INSERT INTO {schema}.throttle AS t SELECT cell, now_us FROM unnest(cells) AS cell ORDER BY cell
				ON CONFLICT (cell) DO UPDATE SET whole_at = t.whole_at WHERE false;
		END IF;
	END LOOP;
	UPDATE {schema}.throttle AS t
		SET whole_at = CASE WHEN refused THEN least(t.whole_at, now_us + burst * every)
			ELSE greatest(now_us, least(t.whole_at, now_us + burst * every)) + every END
		FROM unnest(cells, everies, bursts) AS a(cell, every, burst) WHERE t.cell = a.cell;
	RETURN CASE WHEN refused THEN waits END;
END $$;
