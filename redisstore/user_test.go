package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/redisstore"
)

// ofOne is a store of one partition, for tests that look at its keys.
func ofOne(t *testing.T, client redis.UniversalClient) (s *redisstore.Store, tag string) {
	prefix := "users-" + rand.Text()
	return newStore(t, client, &redisstore.Options{Prefix: prefix, Partitions: 1}), "{" + prefix + ":0}"
}

func listed(t *testing.T, s *redisstore.Store, user string) (ids []string) {
	t.Helper()
	rows, err := s.SessionsByUser(t.Context(), user, 1000)
	require.NoError(t, err)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

// TestDanglingIDs are what a crash between the list and the row leaves. A young one
// may be a session that is just being created.
func TestDanglingIDs(t *testing.T) {
	t.Parallel()
	client := single(t)
	s, tag := ofOne(t, client)
	list := tag + ":u:u1"
	require.NoError(t, s.CreateSession(t.Context(), row("a")))
	now := float64(time.Now().UnixMilli())
	old := now - float64(2*time.Hour.Milliseconds())
	require.NoError(t, client.ZAdd(t.Context(), list, redis.Z{Score: now, Member: "young"}, redis.Z{Score: old, Member: "old"}).Err())
	require.NoError(t, client.ZAdd(t.Context(), list, redis.Z{Score: old, Member: "a"}).Err())
	require.Equal(t, []string{"a"}, listed(t, s, "u1"))
	left, err := client.ZRange(t.Context(), list, 0, -1).Result()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "young"}, left)
	require.NoError(t, s.CreateSession(t.Context(), row("young")))
	require.ElementsMatch(t, []string{"a", "young"}, listed(t, s, "u1"))
	require.NoError(t, s.EndUserSessions(t.Context(), "u1"))
	require.Empty(t, listed(t, s, "u1"))
}

// TestListsStaySmall: a user who signs in again and again, and never lists their
// sessions, has a list that is bounded by the live ones.
func TestListsStaySmall(t *testing.T) {
	t.Parallel()
	client := single(t)
	s, tag := ofOne(t, client)
	list := tag + ":u:u1"
	require.NoError(t, s.CreateSession(t.Context(), row("live")))
	for i := range 500 {
		id := fmt.Sprint("dead-", i)
		require.NoError(t, s.CreateSession(t.Context(), row(id)))
		require.NoError(t, client.Del(t.Context(), tag+":s:"+id).Err())
		require.NoError(t, client.ZAddXX(t.Context(), list, redis.Z{Score: 1, Member: id}, redis.Z{Score: 1, Member: "live"}).Err())
	}
	n, err := client.ZCard(t.Context(), list).Result()
	require.NoError(t, err)
	require.Less(t, n, int64(60))
	require.Equal(t, []string{"live"}, listed(t, s, "u1"))
	ttl, err := client.PTTL(t.Context(), list).Result()
	require.NoError(t, err)
	require.InDelta(t, 25*time.Hour, ttl, float64(time.Hour), "the list expires with the last session")
}

// TestSignInReadsNoList: a list may be long, and Redis does one thing at a time.
func TestSignInReadsNoList(t *testing.T) {
	t.Parallel()
	client := ownServer(t, forgetful...).client(t)
	s, tag := ofOne(t, client)
	for i := range 100 {
		id := fmt.Sprint(i)
		require.NoError(t, s.CreateSession(t.Context(), row(id)))
		require.NoError(t, client.ZAddXX(t.Context(), tag+":u:u1", redis.Z{Score: 1, Member: id}).Err(), "it is old enough to be looked at")
	}
	stats, err := client.Info(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	require.Contains(t, stats, "cmdstat_zrandmember:")
	require.NotContains(t, stats, "cmdstat_zrange:")
}

// TestListOutlivesShortSessions: a short session must not shorten the list's life.
func TestListOutlivesShortSessions(t *testing.T) {
	t.Parallel()
	client := single(t)
	s, tag := ofOne(t, client)
	short := row("short")
	short.Lifetime = time.Second
	for _, r := range []passbearer.Session{row("long"), short} {
		require.NoError(t, s.CreateSession(t.Context(), r))
	}
	ttl, err := client.PTTL(t.Context(), tag+":u:u1").Result()
	require.NoError(t, err)
	require.Greater(t, ttl, 24*time.Hour)
}

// twice sends every script again, as the client does when the answer was lost.
type twice struct{}

func (twice) DialHook(next redis.DialHook) redis.DialHook { return next }

func (twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := next(ctx, cmd); err != nil || cmd.Name() != "evalsha" && cmd.Name() != "eval" {
			return err
		}
		return next(ctx, cmd)
	}
}

func (twice) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestLostAnswers: a call whose first answer was lost goes on from there.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	client := single(t)
	client.AddHook(twice{})
	s := newStore(t, client, nil)
	require.NoError(t, s.CreateSession(t.Context(), row("a")))
	require.ErrorContains(t, s.CreateSession(t.Context(), row("a")), "its id exists")
	after, swapped, err := s.SwapGeneration(t.Context(), "a", 0, 1)
	require.NoError(t, err)
	require.False(t, swapped, "the engine sees a row one ahead, and repeats the successor")
	require.Equal(t, int64(1), after.Generation)
	require.NoError(t, s.EndSession(t.Context(), "a"))
	require.Empty(t, listed(t, s, "u1"))
}

// TestDamagedRows are no unknown sessions: nobody may be signed out for them.
func TestDamagedRows(t *testing.T) {
	t.Parallel()
	client := single(t)
	s, tag := ofOne(t, client)
	for i, damage := range []func(row string) string{
		func(string) string { return "" },
		func(string) string { return "damaged" },
		func(row string) string { return row[:48] },
		func(row string) string { return row[:len(row)-1] },
		func(row string) string { return row + "x" },
		func(row string) string { return row[:56] + "\xff" + row[57:] },          // a length
		func(row string) string { return row[:32] + "damaged!" + row[40:] },      // the idle lifetime
		func(row string) string { return row[:40] + row },                        // a field too many
		func(row string) string { return strings.Repeat("\xff", 48) + row[48:] }, // all fields
	} {
		id := fmt.Sprint("damaged-", i)
		key := tag + ":s:" + id
		require.NoError(t, s.CreateSession(t.Context(), row(id)))
		whole, err := client.Get(t.Context(), key).Result()
		require.NoError(t, err)
		require.NoError(t, client.SetArgs(t.Context(), key, damage(whole), redis.SetArgs{KeepTTL: true}).Err())
		_, swapped, err := s.SwapGeneration(t.Context(), id, 0, 1)
		require.Error(t, err, i)
		require.NotErrorIs(t, err, passbearer.ErrSessionNotFound, i)
		require.False(t, swapped)
		_, err = s.SessionByID(t.Context(), id)
		require.ErrorContains(t, err, "damaged", i)
		require.NotErrorIs(t, err, passbearer.ErrSessionNotFound, i)
	}
}

// TestServerHangs: a call ends by its deadline, though the client would wait for an hour.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	server := ownServer(t, forgetful...)
	client := closing(t, redis.NewClient(&redis.Options{Addr: server.addr, ContextTimeoutEnabled: true, ReadTimeout: time.Hour}))
	s := newStore(t, client, nil)
	server.signal(t, syscall.SIGSTOP)
	defer server.signal(t, syscall.SIGCONT)
	for name, call := range map[string]func(context.Context) error{
		"a read":  func(ctx context.Context) error { _, err := s.SessionByID(ctx, "a"); return err },
		"a write": func(ctx context.Context) error { return s.EndSession(ctx, "a") },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		ended := make(chan error, 1)
		go func() { ended <- call(ctx) }()
		require.Error(t, ends(t, ended), name)
		require.Error(t, ctx.Err(), name)
		cancel()
	}
}

// TestServerIsDown: the error is the store's.
func TestServerIsDown(t *testing.T) {
	t.Parallel()
	server := ownServer(t, forgetful...)
	client := redis.NewClient(&redis.Options{Addr: server.addr, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	s := newStore(t, client, nil)
	server.kill()
	ctx := t.Context()
	_, _, swapErr := s.SwapGeneration(ctx, "a", 0, 1)
	_, readErr := s.SessionByID(ctx, "a")
	_, listErr := s.SessionsByUser(ctx, "u1", 1)
	for _, err := range []error{
		swapErr, readErr, listErr, s.CreateSession(ctx, row("a")), s.EndSession(ctx, "a"), s.EndUserSessions(ctx, "u1"),
		s.Revoke(ctx, passbearer.Revocation{SessionID: "a"}), s.WatchRevocations(ctx, func(passbearer.RevocationNews) {}),
	} {
		require.ErrorContains(t, err, "redisstore: ")
		require.NotErrorIs(t, err, passbearer.ErrSessionNotFound)
	}
}
