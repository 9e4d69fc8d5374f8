package passbearer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

func TestRevoked(t *testing.T) {
	r := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	require.False(t, r.Revoked(&passbearer.Claims{Subject: "u1", SessionID: "s1", ID: "j1", Epoch: 1}))
	for _, e := range []passbearer.Revocation{{SessionID: "s1"}, {TokenID: "j1"}, {UserID: "u1", Epoch: 5}, {UserID: "u1", Epoch: 4}, {}} {
		require.True(t, r.Add(e))
	}
	require.Equal(t, 3, r.Len())
	for _, tt := range []struct {
		name    string
		claims  passbearer.Claims
		revoked bool
	}{
		{"no claims", passbearer.Claims{}, false},
		{"session", passbearer.Claims{SessionID: "s1"}, true},
		{"another session", passbearer.Claims{SessionID: "s2"}, false},
		{"token", passbearer.Claims{ID: "j1", SessionID: "s2"}, true},
		{"a session's id as a token's", passbearer.Claims{ID: "s1", SessionID: "j1", Subject: "s1", Epoch: 1}, false},
		{"user, issued before", passbearer.Claims{Subject: "u1", Epoch: 5}, true}, // when the user's was 4
		{"user, issued long before", passbearer.Claims{Subject: "u1", Epoch: 1}, true},
		{"user, issued since", passbearer.Claims{Subject: "u1", Epoch: 6}, false},
		{"user, a token that does not say", passbearer.Claims{Subject: "u1"}, false},
		{"another user", passbearer.Claims{Subject: "u2", Epoch: 1}, false},
	} {
		require.Equal(t, tt.revoked, r.Revoked(&tt.claims), tt.name)
	}
}

func TestRevocationsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
		c := &passbearer.Claims{SessionID: "s1"}
		r.Add(passbearer.Revocation{SessionID: "s1", Lifetime: time.Hour})
		r.Add(passbearer.Revocation{SessionID: "s1", Lifetime: time.Minute}) // does not shorten it
		r.Add(passbearer.Revocation{SessionID: "s2"})
		time.Sleep(time.Hour - 1)
		r.Add(passbearer.Revocation{SessionID: "for ever", Lifetime: math.MaxInt64})
		require.True(t, r.Revoked(c))
		time.Sleep(time.Nanosecond)
		require.False(t, r.Revoked(c))
		time.Sleep(23*time.Hour + time.Minute - 1)
		require.True(t, r.Revoked(&passbearer.Claims{SessionID: "s2"}), "the default is as long as any token lives")
		time.Sleep(time.Nanosecond)
		require.False(t, r.Revoked(&passbearer.Claims{SessionID: "s2"}))
		require.True(t, r.Revoked(&passbearer.Claims{SessionID: "for ever"}))
	})
}

// TestRevocationVerifier: what is known to be revoked is 401, what is not known
// for sure is up to the policy.
func TestRevocationVerifier(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy passbearer.StalePolicy
		fresh  bool
		token  string
		status int
	}{
		{"fresh", passbearer.RefuseWhenStale, true, "good", 204},
		{"fresh, revoked", passbearer.RefuseWhenStale, true, "shared", 401},
		{"stale, refuse", passbearer.RefuseWhenStale, false, "good", 503},
		{"stale, refuse, revoked", passbearer.RefuseWhenStale, false, "shared", 401},
		{"stale, refuse, bad token", passbearer.RefuseWhenStale, false, "bad", 401},
		{"stale, serve", passbearer.ServeWhenStale, false, "good", 204},
		{"stale, serve, revoked", passbearer.ServeWhenStale, false, "shared", 401},
		{"no answer", passbearer.ServeWhenStale, true, "nothing", 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := passbearer.NewRevocations(tt.policy, &passbearer.RevocationsOptions{Observer: new(events)})
				if tt.fresh {
					watchAll(t, r, memstore.New())
				}
				require.Equal(t, !tt.fresh, r.Stale())
				if tt.token == "shared" {
					r.Add(passbearer.Revocation{TokenID: johndoe.ID})
				}
				h := passbearer.NewGuard(r.Verifier(known), nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
				require.Equal(t, tt.status, serve(h, request("Bearer "+tt.token)).Code)
			})
		})
	}
}

// watchAll watches the stores until the test ends, within a bubble.
func watchAll(t *testing.T, r *passbearer.Revocations, stores ...passbearer.RevocationStore) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { require.ErrorIs(t, r.Watch(ctx, stores...), context.Canceled) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	synctest.Wait()
}

// feed is a RevocationStore that a test speaks for.
type feed struct {
	memstore.Store
	news  chan passbearer.RevocationNews
	fails chan error
	opens atomic.Int32
}

func newFeed() *feed {
	return &feed{news: make(chan passbearer.RevocationNews), fails: make(chan error)}
}

func (f *feed) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	f.opens.Add(1)
	for {
		select {
		case n := <-f.news:
			tell(n)
		case err := <-f.fails:
			if err == errPanic {
				panic(err)
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *feed) tell(n passbearer.RevocationNews) { f.news <- n; synctest.Wait() }

func TestStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(lockedEvents)
		r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: seen})
		one, two := newFeed(), newFeed()
		require.True(t, r.Stale(), "nothing is known")
		watchAll(t, r, one, two)
		one.tell(passbearer.RevocationNews{Revocations: []passbearer.Revocation{{SessionID: "s0"}}})
		require.True(t, r.Stale(), "not yet complete")
		one.tell(passbearer.RevocationNews{Complete: true})
		require.True(t, r.Stale(), "the other one")
		two.tell(passbearer.RevocationNews{Complete: true})
		require.False(t, r.Stale())

		for range 5 { // heartbeats
			time.Sleep(9 * time.Second)
			one.tell(passbearer.RevocationNews{})
			two.tell(passbearer.RevocationNews{})
			require.False(t, r.Stale())
		}
		time.Sleep(9 * time.Second)
		one.tell(passbearer.RevocationNews{})
		time.Sleep(1100 * time.Millisecond)
		require.True(t, r.Stale(), "two is silent")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 2, two.opens.Load(), "and is connected to anew")
		two.tell(passbearer.RevocationNews{})
		require.True(t, r.Stale(), "a heartbeat is not catching up")
		two.tell(passbearer.RevocationNews{Complete: true})
		require.False(t, r.Stale())

		for _, err := range []error{errors.New("cut"), nil, errPanic} {
			one.fails <- err
			synctest.Wait()
			require.True(t, r.Stale())
			time.Sleep(time.Second)
			synctest.Wait()
			one.tell(passbearer.RevocationNews{Complete: true})
			two.tell(passbearer.RevocationNews{})
			require.False(t, r.Stale())
		}
		require.True(t, r.Revoked(&passbearer.Claims{SessionID: "s0"}), "nothing was forgotten meanwhile")
		kinds := []passbearer.EventKind{}
		for range 5 {
			kinds = append(kinds, passbearer.EventRevocationsFresh, passbearer.EventRevocationsStale)
		}
		require.Equal(t, kinds[:9], seen.kinds())
		require.Error(t, seen.all[1].Err, "it says why")
	})
}

// TestAFeedThatNeverWorks says so, once for each reason: the set was stale from
// the beginning, and nothing changes in that.
func TestAFeedThatNeverWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(lockedEvents)
		r := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: seen})
		f := newFeed()
		watchAll(t, r, f)
		for _, reason := range []error{errors.New("no right to listen"), errors.New("no right to listen"), errors.New("no route"), context.Canceled} {
			f.fails <- reason
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		require.Len(t, seen.all, 3, "a store that gives up by itself says so, too")
		require.EqualError(t, seen.all[0].Err, "no right to listen")
		require.EqualError(t, seen.all[1].Err, "no route")
	})
}

// TestWatchedAgain: a call that has ended does not leave the set stale for good,
// and ending it is no news.
func TestWatchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(lockedEvents)
		r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: seen})
		same := memstore.New()
		for _, store := range []passbearer.RevocationStore{same, same, memstore.New()} {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- r.Watch(ctx, store) }()
			synctest.Wait()
			require.False(t, r.Stale())
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
			require.True(t, r.Stale())
		}
		require.Equal(t, slices.Repeat([]passbearer.EventKind{passbearer.EventRevocationsFresh}, 3), seen.kinds())
	})
}

// TestCatchingUpMayTakeLonger than a heartbeat, ten times: it has all that is live.
func TestCatchingUpMayTakeLonger(t *testing.T) {
	for limit, takes := range map[time.Duration]time.Duration{0: 99 * time.Second, math.MaxInt64: 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{SilenceLimit: limit, Observer: new(lockedEvents)})
			f := newFeed()
			watchAll(t, r, f)
			time.Sleep(takes)
			f.tell(passbearer.RevocationNews{Complete: true})
			require.False(t, r.Stale())
			require.EqualValues(t, 1, f.opens.Load())
		})
	}
}

// TestWithoutAFeed: what this process ends is forgotten in time, and what there
// is no room for is told.
func TestWithoutAFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(lockedEvents)
		r := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{MaxEntries: 2, Lifetime: time.Hour, Observer: seen})
		for range 10 {
			for i := range 2 {
				r.Learn(passbearer.Revocation{SessionID: fmt.Sprint(i)})
				r.Learn(passbearer.Revocation{SessionID: fmt.Sprint(i)}) // takes no room again
			}
			require.Empty(t, seen.take())
			r.Learn(passbearer.Revocation{SessionID: "3"})
			require.Equal(t, passbearer.EventRevocationsStale, seen.take()[0].Kind)
			time.Sleep(time.Hour)
		}
	})
}

// TestBackoff: a store that is down is not stormed.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: new(lockedEvents)})
		down := newFeed()
		close(down.fails)
		watchAll(t, r, down)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Greater(t, down.opens.Load(), int32(8))
		require.Less(t, down.opens.Load(), int32(40))
	})
}

// TestFullSet: nothing is evicted; what there was no room for is caught up with.
func TestFullSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(lockedEvents)
		r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{MaxEntries: 3, Observer: seen})
		f := newFeed()
		watchAll(t, r, f)
		f.tell(passbearer.RevocationNews{Complete: true, Revocations: []passbearer.Revocation{
			{SessionID: "a", Lifetime: 30 * time.Second}, {SessionID: "b", Lifetime: time.Hour}}})
		require.False(t, r.Stale())
		f.tell(passbearer.RevocationNews{Revocations: []passbearer.Revocation{{SessionID: "c"}, {SessionID: "d"}}})
		require.True(t, r.Stale(), "d is missing")
		require.True(t, r.Revoked(&passbearer.Claims{SessionID: "a"}), "and a is not forgotten for it")
		require.Equal(t, 3, r.Len())
		for range 8 {
			time.Sleep(8 * time.Second)
			f.tell(passbearer.RevocationNews{})
			if f.opens.Load() > 1 {
				break
			}
			require.True(t, r.Stale())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, f.opens.Load(), "there is room since a expired")
		f.tell(passbearer.RevocationNews{Complete: true, Revocations: []passbearer.Revocation{{SessionID: "b"}, {SessionID: "c"}, {SessionID: "d"}}})
		require.True(t, r.Revoked(&passbearer.Claims{SessionID: "d"}))
		require.ErrorContains(t, seen.all[1].Err, "MaxEntries")
	})
}

// TestFullSetDoesNotLearn: what this process has ended is not known, so the set is not fresh.
func TestFullSetDoesNotLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{MaxEntries: 1, Observer: new(lockedEvents)})
		f := newFeed()
		watchAll(t, r, f)
		a, b := passbearer.Revocation{SessionID: "a", Lifetime: time.Minute}, passbearer.Revocation{SessionID: "b"}
		f.tell(passbearer.RevocationNews{Complete: true})
		r.Learn(a)
		require.False(t, r.Stale())
		r.Learn(b)
		require.True(t, r.Stale())
		for f.opens.Load() < 2 {
			require.True(t, r.Stale(), "a heartbeat says nothing of b")
			time.Sleep(5 * time.Second)
			f.tell(passbearer.RevocationNews{})
		}
		f.tell(passbearer.RevocationNews{Complete: true, Revocations: []passbearer.Revocation{b}})
		require.False(t, r.Stale(), "a has expired, and there is room")
		require.True(t, r.Revoked(&passbearer.Claims{SessionID: "b"}))
	})
}

// TestExpiredRevocationsTakeNoMemory: after a flood of them the process is as small as before.
func TestExpiredRevocationsTakeNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
		before := heap()
		for i := range 100_000 {
			r.Add(passbearer.Revocation{SessionID: fmt.Sprint("session ", i), Lifetime: time.Second})
		}
		require.Greater(t, heap()-before, 5<<20, "they are there")
		time.Sleep(time.Minute)
		r.Add(passbearer.Revocation{})
		require.Zero(t, r.Len())
		require.Less(t, heap()-before, 100<<10)
		runtime.KeepAlive(r)
	})
}

// heap is how many bytes are alive.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestSignOutReachesAccessTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New(fastUser(t, "u1", "johndoe", "me"))
		keys, err := passbearer.NewRefreshKeys(site, make([]byte, 32))
		require.NoError(t, err)
		quiet := new(lockedEvents)
		revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: quiet})
		sessions := passbearer.NewSessions(store, store, keys, &passbearer.SessionsOptions{Revocations: revocations, Observer: quiet})
		tokens := newTokens()
		h := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Passwords: fastPasswords, Observer: quiet})
		guard := passbearer.NewGuard(revocations.Verifier(tokens), &passbearer.GuardOptions{Observer: quiet})
		api := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
		watchAll(t, revocations, store)
		token := func(password string) string {
			status, body, _ := post(t, h, "username", "johndoe", "password", password)
			require.Equal(t, 200, status, body)
			return body["access_token"].(string)
		}
		call := func(token string) int { return serve(api, request("Bearer "+token)).Code }
		for _, tt := range []struct {
			name string
			end  func(*passbearer.Claims) error
		}{
			{"one session", func(c *passbearer.Claims) error { return sessions.End(t.Context(), "u1", c.SessionID) }},
			{"all sessions", func(*passbearer.Claims) error { return sessions.EndAll(t.Context(), "u1") }},
			{"another password", func(*passbearer.Claims) error { return h.ChangePassword(t.Context(), "u1", "secret", "secret2") }},
			{"the token alone", func(c *passbearer.Claims) error {
				defer synctest.Wait()
				return store.Revoke(t.Context(), passbearer.Revocation{TokenID: c.ID})
			}},
			{"disabled", func(*passbearer.Claims) error { return sessions.Disable(t.Context(), "u1") }},
		} {
			password := "secret"
			if tt.name == "the token alone" || tt.name == "disabled" {
				password = "secret2"
			}
			token := token(password)
			require.Equal(t, 204, call(token), tt.name)
			c, err := tokens.VerifyToken(t.Context(), token)
			require.NoError(t, err)
			require.NoError(t, tt.end(c))
			require.Equal(t, 401, call(token), "%s: on the next request, and not later", tt.name)
		}
	})
}

// TestAnotherProcessLearns through the store what this one ends.
func TestAnotherProcessLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New(fastUser(t, "u1", "johndoe", ""))
		other := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: new(lockedEvents)})
		watchAll(t, other, store)
		epoch, err := store.RaiseEpoch(t.Context(), "u1")
		require.NoError(t, err)
		synctest.Wait()
		require.True(t, other.Revoked(&passbearer.Claims{Subject: "u1", Epoch: epoch}), "issued before")
		require.False(t, other.Revoked(&passbearer.Claims{Subject: "u1", Epoch: epoch + 1}), "issued since, in the same second")
	})
}

// TestAskingIsFlat: the number of revocations costs memory, and no time that
// grows: the lookup takes no allocation.
func TestAskingIsFlat(t *testing.T) {
	const n = 100_000
	r := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		r.Add(passbearer.Revocation{SessionID: fmt.Sprintf("%022d", i)})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes for each revocation", each)
	require.Less(t, each, uint64(150))
	c := &passbearer.Claims{SessionID: "0000000000000000004242", ID: "j", Subject: "u", Epoch: 1}
	require.True(t, r.Revoked(c))
	c.SessionID = "live"
	require.Zero(t, testing.AllocsPerRun(100, func() { r.Revoked(c) }))
}

func TestRevocationsWiring(t *testing.T) {
	require.Panics(t, func() { passbearer.NewRevocations(0, nil) })
	require.Panics(t, func() { passbearer.NewRevocations(passbearer.ServeWhenStale, nil).Verifier(nil) })
	short := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Lifetime: time.Hour})
	require.Panics(t, func() { short.Verifier(newTokens()) }, "tokens may live for a day")
	for _, tt := range []struct {
		longest, leeway time.Duration
		panics          bool
	}{
		{time.Hour, 0, false},
		{time.Hour - 2*time.Minute, time.Minute, false},
		{time.Hour - 2*time.Minute, time.Minute + 1, true},
		{time.Hour - 2*time.Minute + 1, time.Minute, true},
		{0, math.MaxInt64, true},
	} {
		v := lenient{known, tt.longest, tt.leeway}
		if tt.panics {
			require.Panics(t, func() { short.Verifier(v) }, tt)
			continue
		}
		require.Equal(t, tt.leeway, short.Verifier(v).(interface{ Leeway() time.Duration }).Leeway())
	}
	require.Zero(t, short.Verifier(known).(interface{ Leeway() time.Duration }).Leeway())
}

// lenient tells for how long it takes a token.
type lenient struct {
	passbearer.TokenVerifier
	longest, leeway time.Duration
}

func (l lenient) MaxLifetime() time.Duration { return l.longest }
func (l lenient) Leeway() time.Duration      { return l.leeway }

// TestNoTokenPassesWhileCatchingUp: a set that is stale does not know that the token is revoked, and learns it before
// it is fresh. To ask about the user takes long, for a name of a megabyte.
func TestNoTokenPassesWhileCatchingUp(t *testing.T) {
	c := &passbearer.Claims{ID: "j1", Subject: strings.Repeat("u", 1<<20)}
	for range 100 {
		r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: new(lockedEvents)})
		r.Add(passbearer.Revocation{UserID: "another", Epoch: 1})
		v, f := r.Verifier(verifier{"": func() (*passbearer.Claims, error) { return c, nil }}), newFeed()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Watch(ctx, f) }()
		go func() {
			f.news <- passbearer.RevocationNews{Complete: true, Revocations: []passbearer.Revocation{{TokenID: "j1"}}}
		}()
		for fresh := false; !fresh; {
			fresh = !r.Stale()
			_, err := v.VerifyToken(ctx, "")
			require.Error(t, err)
		}
		cancel()
		<-ended
	}
}
