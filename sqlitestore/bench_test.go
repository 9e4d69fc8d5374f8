package sqlitestore_test

import (
	"context"
	"database/sql"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/sqlitestore"
)

var benchSessions = flag.Int("sessions", 1_000_000, "sessions in the larger table of BenchmarkRotateByTableSize")

// statement is the least that a rotation can be.
const statement = "UPDATE passbearer_sessions SET generation = ?, last_used_at = ? WHERE id = ? AND generation = ?"

// bare runs the statement alone, on a connection with the store's pragmas.
func bare(b *testing.B, path string) func(id string, from int64) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=cache_size(-16384)")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	db.SetMaxOpenConns(1)
	stmt, err := db.Prepare(statement)
	require.NoError(b, err)
	return func(id string, from int64) {
		result, err := stmt.Exec(from+1, time.Now().UnixNano(), id, from)
		require.NoError(b, err)
		n, err := result.RowsAffected()
		require.NoError(b, err)
		require.EqualValues(b, 1, n)
	}
}

// rotation is that of the store.
func rotation(b *testing.B, s *sqlitestore.Store) func(id string, from int64) {
	return func(id string, from int64) {
		_, swapped, err := s.SwapGeneration(context.Background(), id, from, from+1)
		require.NoError(b, err)
		require.True(b, swapped)
	}
}

// fill makes n sessions in one transaction. No store may have the file open that
// waits for less than that takes.
func fill(b testing.TB, path string, n int) {
	s, err := sqlitestore.Open(path, nil)
	require.NoError(b, err)
	require.NoError(b, s.Close())
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(b, err)
	defer db.Close()
	_, err = db.Exec(`WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i LIMIT ?)
		INSERT INTO passbearer_sessions (id, user_id, client_id, scope, epoch, generation, auth_time, acr, amr, jkt, extra, user_agent,
			idle_lifetime, lifetime, created_at, last_used_at, ended_at)
		SELECT substr(hex(randomblob(11)), 1, 16) || printf('%06d', i), 'user-' || (i / 3), 'web', 'me items:read', 1, 0, ?2, '', 'pwd', '', '',
			'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', ?3, ?3, ?2, ?2, 0 FROM i`,
		n, time.Now().UnixNano(), int64(24*time.Hour))
	require.NoError(b, err)
	_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(b, err)
}

// BenchmarkRotate alternates the store's rotation with the bare statement on the
// same file, so that both have the same disk at the same time. The rates and the
// first ratio are of medians.
func BenchmarkRotate(b *testing.B) {
	path := filepath.Join(b.TempDir(), "test.db")
	fill(b, path, 1000)
	s := openFile(b, path, nil)
	ids := sessionIDs(b, path, 1000)
	store, statement := lap{run: rotation(b, s)}, lap{run: bare(b, path)}
	for i := 0; b.Loop(); i++ {
		id, from := ids[i%len(ids)], int64(i/len(ids)*2)
		pair := []*lap{&store, &statement}
		if rand.N(2) == 0 { // or the checkpoints would always fall to the same one
			slices.Reverse(pair)
		}
		pair[0].time(id, from)
		pair[1].time(id, from+1)
	}
	b.ReportMetric(store.perSecond(), "rotations/s")
	b.ReportMetric(statement.perSecond(), "statements/s")
	b.ReportMetric(100*store.perSecond()/statement.perSecond(), "%-of-bare")
	b.ReportMetric(100*statement.mean().Seconds()/store.mean().Seconds(), "%-of-bare-mean")
}

// BenchmarkRotateByTableSize alternates rotations of random sessions in a table of
// 1,000 and in a large one.
func BenchmarkRotateByTableSize(b *testing.B) {
	var laps [2]lap
	var ids [2][]string
	for i, n := range []int{1000, *benchSessions} {
		path := filepath.Join(b.TempDir(), strconv.Itoa(n)+".db")
		fill(b, path, n)
		s := openFile(b, path, nil)
		laps[i], ids[i] = lap{run: rotation(b, s)}, sessionIDs(b, path, n)
	}
	generations := [2]map[string]int64{{}, {}}
	for i := 0; b.Loop(); i++ {
		id := ids[i%2][rand.N(len(ids[i%2]))] // no order that a cache could guess
		laps[i%2].time(id, generations[i%2][id])
		generations[i%2][id]++
	}
	b.ReportMetric(laps[0].perSecond(), "small/s")
	b.ReportMetric(laps[1].perSecond(), "large/s")
	b.ReportMetric(laps[0].perSecond()/laps[1].perSecond(), "times-the-cost")
	b.ReportMetric(laps[1].mean().Seconds()/laps[0].mean().Seconds(), "times-the-mean-cost")
}

// lap times one kind of rotation.
type lap struct {
	run   func(id string, from int64)
	times []time.Duration
}

func (l *lap) time(id string, from int64) {
	start := time.Now()
	l.run(id, from)
	l.times = append(l.times, time.Since(start))
}

// perSecond is of the median.
func (l *lap) perSecond() float64 {
	if len(l.times) == 0 {
		return 0
	}
	slices.Sort(l.times)
	return 1 / l.times[len(l.times)/2].Seconds()
}

// mean includes the checkpoints, which are one rotation in a thousand.
func (l *lap) mean() (sum time.Duration) {
	for _, t := range l.times {
		sum += t
	}
	return sum / time.Duration(max(len(l.times), 1))
}

func sessionIDs(b *testing.B, path string, n int) (ids []string) {
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(b, err)
	defer db.Close()
	rows, err := db.Query("SELECT id FROM passbearer_sessions")
	require.NoError(b, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		require.NoError(b, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(b, rows.Err())
	require.Len(b, ids, n)
	return ids
}
