package pgstore_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/pgstore"
)

var million = flag.Bool("million", false, "run BenchmarkMillion, which takes a minute")

const (
	workers = 16
	opsEach = 100 // in a round
)

// load is a number of sessions, of which each worker moves its own.
type load struct {
	store       *pgstore.Store
	pool        *pgxpool.Pool
	bare        string
	generations []int64
}

func newLoad(b *testing.B, sessions int) *load {
	b.Helper()
	at, opts := serverURL(b), options(b)
	l := &load{store: openAt(b, at, opts), generations: make([]int64, sessions)}
	l.bare = "UPDATE " + opts.Schema + ".sessions SET generation = $3 WHERE id = $1 AND generation = $2"
	execute(b, at, strings.ReplaceAll(`INSERT INTO {s}.sessions
		SELECT 'session-0123456789-' || n, 'user-' || n, 'web', 'me items:read', 1, 0, now(), '', 'pwd', '', '', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
			1209600000000000, 7776000000000000, now(), now(), NULL, date_trunc('day', now() + interval '14 days', 'UTC') + interval '1 day'
		FROM generate_series(0, $1::int - 1) AS n`, "{s}", opts.Schema), sessions)
	execute(b, at, "VACUUM ANALYZE "+opts.Schema+".sessions")
	execute(b, at, "CHECKPOINT")
	var err error
	l.pool, err = pgxpool.New(b.Context(), at)
	require.NoError(b, err)
	b.Cleanup(l.pool.Close)
	return l
}

// rotate is what is measured.
func (l *load) rotate(ctx context.Context, id string, from, to int64) error {
	_, swapped, err := l.store.SwapGeneration(ctx, id, from, to)
	if err == nil && !swapped {
		err = fmt.Errorf("%s did not stand at %d", id, from)
	}
	return err
}

// update is the least that PostgreSQL can do for it, prepared and through a pool.
func (l *load) update(ctx context.Context, id string, from, to int64) error {
	tag, err := l.pool.Exec(ctx, l.bare, id, from, to)
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("%s did not stand at %d", id, from)
	}
	return err
}

// round returns how many a second there were.
func (l *load) round(b *testing.B, move func(ctx context.Context, id string, from, to int64) error) float64 {
	b.Helper()
	var group sync.WaitGroup
	start := time.Now()
	for w := range workers {
		group.Go(func() {
			for range opsEach {
				n := rand.IntN(len(l.generations)/workers)*workers + w
				if err := move(b.Context(), fmt.Sprintf("session-0123456789-%d", n), l.generations[n], l.generations[n]+1); err != nil {
					b.Error(err)
					return
				}
				l.generations[n]++
			}
		})
	}
	group.Wait()
	return workers * opsEach / time.Since(start).Seconds()
}

// pairs runs two things in turns, and returns the medians of their rates and of the
// ratio of each pair.
func pairs(b *testing.B, first, second func() float64) (rate1, rate2, ratio float64) {
	b.Helper()
	first()
	second()
	var rates1, rates2, ratios []float64
	for i := 0; b.Loop(); i++ {
		var r1, r2 float64
		if i%2 == 0 {
			r1 = first()
			r2 = second()
		} else {
			r2 = second()
			r1 = first()
		}
		rates1, rates2, ratios = append(rates1, r1), append(rates2, r2), append(ratios, r1/r2)
	}
	return median(rates1), median(rates2), median(ratios)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkRotation compares rotations with the bare UPDATE, by 16 clients on 8
// connections:
//
//	go test -run '^$' -bench Rotation -benchtime 20x
func BenchmarkRotation(b *testing.B) {
	l := newLoad(b, 1600)
	rotations, bare, ratio := pairs(b, func() float64 { return l.round(b, l.rotate) }, func() float64 { return l.round(b, l.update) })
	b.ReportMetric(rotations, "rotations/s")
	b.ReportMetric(bare, "bare-updates/s")
	b.ReportMetric(100*ratio, "%-of-bare")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMillion compares rotations among 1,000,000 sessions with those among
// 1,000:
//
//	go test -run '^$' -bench Million -benchtime 20x -million
func BenchmarkMillion(b *testing.B) {
	if !*million {
		b.Skip("it takes a minute: add -million")
	}
	small, large := newLoad(b, 1000), newLoad(b, 1_000_000)
	few, many, ratio := pairs(b, func() float64 { return small.round(b, small.rotate) }, func() float64 { return large.round(b, large.rotate) })
	b.ReportMetric(few, "rotations/s-of-1000")
	b.ReportMetric(many, "rotations/s-of-1000000")
	b.ReportMetric(ratio, "times-the-cost")
	b.ReportMetric(0, "ns/op")
}
