package passbearer_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// TestRefreshRaces lets something happen when the refresh has been decided on,
// and the generation is about to be swapped.
func TestRefreshRaces(t *testing.T) {
	none := passbearer.SessionsOptions{}
	swap := func(from, to int64) func(*rig) {
		return func(r *rig) {
			_, swapped, err := r.store.Store.SwapGeneration(r.t.Context(), r.sid, from, to)
			require.NoError(r.t, err)
			require.True(r.t, swapped)
		}
	}
	refreshed := func(kind passbearer.EventKind) []passbearer.EventKind { return []passbearer.EventKind{kind} }
	tests := []struct {
		name    string
		opts    passbearer.SessionsOptions
		before  string
		race    []func(*rig) // at each swap
		present int
		status  int
		to      int // the successor, or the generation the row is left at
		told    []passbearer.EventKind
		err     error
		after   string
	}{
		{"another tab", none, "", []func(*rig){swap(0, 1)}, 0, 200, 1, refreshed(passbearer.EventRefreshRepeated), nil, "1>2"},
		{"another tab without grace", passbearer.SessionsOptions{Grace: -1}, "", []func(*rig){swap(0, 1)}, 0, 400, 1, refreshed(passbearer.EventRefreshTokenStolen), passbearer.ErrStolen, "0x:ended"},
		{"another tab, twice", none, "", []func(*rig){swap(0, 2)}, 0, 400, 2, refreshed(passbearer.EventRefreshTokenStolen), passbearer.ErrStolen, "0x:ended"},
		{"a failover", none, "0>1", []func(*rig){swap(1, 0)}, 1, 200, 2, refreshed(passbearer.EventRefreshHealed), nil, "2>3"},
		{"a failover of two", none, "0>1 1>2", []func(*rig){swap(2, 0)}, 2, 400, 0, refreshed(passbearer.EventRefreshLost), passbearer.ErrLost, "0x:ended"},
		{"a failover, another tab, another tab", none, "0>1", []func(*rig){swap(1, 0), swap(0, 1), swap(1, 2)}, 1, 200, 2, refreshed(passbearer.EventRefreshRepeated), nil, "2>3"},
		{"signed out", none, "", []func(*rig){func(r *rig) { r.run("end") }}, 0, 400, 0, refreshed(passbearer.EventRefreshRefused), passbearer.ErrSessionEnded, "0x:ended"},
		{"expiry", none, "", []func(*rig){func(r *rig) { r.run("+336h") }}, 0, 400, 0, refreshed(passbearer.EventRefreshRefused), passbearer.ErrExpired, "0x:expired"},
		{"revocation and another tab", none, "", []func(*rig){func(r *rig) { swap(0, 1)(r); r.run("revoke") }}, 0, 400, 1, refreshed(passbearer.EventRefreshRefused), passbearer.ErrRevoked, "0x:revoked"},
		{"another tab, and the row is another user's", none, "", []func(*rig){func(r *rig) { swap(0, 1)(r); r.run("swapuser") }}, 0, 400, 1, refreshed(passbearer.EventRefreshRefused), passbearer.ErrUnbound, "0x:unbound"},
		{"the row is gone", none, "", []func(*rig){func(r *rig) { r.store.after["SwapGeneration"] = passbearer.ErrSessionNotFound }}, 0, 400, 1, refreshed(passbearer.EventRefreshRefused), passbearer.ErrSessionNotFound, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{sessions: tt.opts}, func(t *testing.T, r *rig) {
				r.run(tt.before)
				r.seen.take()
				races := tt.race
				r.store.on["SwapGeneration"] = func(context.Context) error {
					if len(races) > 0 {
						race := races[0]
						races = races[1:]
						race(r)
					}
					return nil
				}
				a := r.refresh(r.tokens[tt.present])
				require.Empty(t, races)
				told := r.seen.take()
				require.Len(t, told, len(tt.told))
				for i, kind := range tt.told {
					require.Equal(t, kind, told[i].Kind)
					require.Equal(t, tt.err, told[i].Err)
					require.Equal(t, r.sid, told[i].SessionID)
				}
				require.EqualValues(t, tt.to, r.kept().Generation)
				require.Equal(t, tt.status, a.status)
				if tt.status == 200 {
					r.given(tt.name, a, tt.to)
				} else {
					require.Equal(t, refusedRefresh, a.raw)
				}
				clear(r.store.on)
				r.run(tt.after)
			})
		})
	}
}

// TestRefreshGivesUp has a store that loses and finds one rotation all the time.
func TestRefreshGivesUp(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.signIn()
	at, swaps := int64(0), 0
	r.store.on["SwapGeneration"] = func(ctx context.Context) error {
		next := -1 - at
		_, swapped, err := r.store.Store.SwapGeneration(ctx, r.sid, at, next)
		at = next
		swaps++
		require.True(t, swapped)
		require.Less(t, swaps, 10)
		return err
	}
	a := r.refresh(r.tokens[0])
	require.Equal(t, 503, a.status)
	require.Equal(t, "temporarily_unavailable", a.body.Error)
	require.Equal(t, []passbearer.EventKind{passbearer.EventUnavailable}, r.seen.kinds())
	require.EqualError(t, r.seen.all[0].Err, "the session changed at every attempt to refresh it")
}

// TestRevokedWhileIssuing: what is decided before the access token is issued
// is decided again before the session moves.
func TestRevokedWhileIssuing(t *testing.T) {
	var r *rig
	r = newRig(t, rigOptions{handler: passbearer.TokenHandlerOptions{Claims: func(context.Context, *passbearer.GrantRequest, *passbearer.Grant, *passbearer.Claims) error {
		if r.sid != "" {
			r.revoked.Add(passbearer.Revocation{SessionID: r.sid})
		}
		return nil
	}}})
	r.signIn()
	r.store.calls = nil
	require.Equal(t, refusedRefresh, r.refresh(r.tokens[0]).raw)
	require.Equal(t, []string{"SessionByID", "UserByID"}, r.store.calls)
	require.Equal(t, []passbearer.EventKind{passbearer.EventRefreshRefused}, r.seen.kinds())
}

// TestThiefHangsUp cancels the request of an old token once its row was read.
func TestThiefHangsUp(t *testing.T) {
	for _, script := range []string{"0>1 1>2", "0>1 1>2 lose2"} {
		bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
			r.run(script)
			present := 0
			if strings.Contains(script, "lose2") {
				present = 2
			}
			type key struct{}
			ctx, hangUp := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
			r.store.on["UserByID"] = func(context.Context) error { hangUp(); return nil }
			r.store.on["EndSession"] = func(ctx context.Context) error {
				deadline, ok := ctx.Deadline()
				require.True(t, ok)
				require.Equal(t, 5*time.Second, time.Until(deadline))
				require.Equal(t, "trace", ctx.Value(key{}))
				return ctx.Err()
			}
			req := tokenRequest("grant_type", "refresh_token", "refresh_token", r.tokens[present], "client_id", "app")
			require.Equal(t, refusedRefresh, r.do(req.WithContext(ctx)).raw)
			require.Error(t, ctx.Err())
			require.False(t, r.kept().EndedAt.IsZero())
		})
	}
}

// TestEndingHangs has a store that does not answer.
func TestEndingHangs(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		r.run("0>1 1>2")
		r.store.on["EndSession"] = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		begun := time.Now()
		require.Equal(t, 503, r.refresh(r.tokens[0]).status)
		require.Equal(t, 5*time.Second, time.Since(begun))
		require.ErrorIs(t, r.engine.End(t.Context(), "u1", r.sid), context.DeadlineExceeded)
		require.ErrorIs(t, r.engine.Revoke(t.Context(), "app", r.tokens[0]), context.DeadlineExceeded)
		clear(r.store.on)
		r.run("0! 2x:ended")
	})
}

// TestManyTabs sends one token a hundred times at once.
func TestManyTabs(t *testing.T) {
	r := newRig(t, rigOptions{sessions: passbearer.SessionsOptions{Grace: time.Hour}})
	r.signIn()
	token := r.tokens[0]
	for generation := range 5 {
		const n = 100
		replies := make([]reply, n)
		start := make(chan struct{})
		var tabs sync.WaitGroup
		for i := range n {
			tabs.Go(func() {
				<-start
				replies[i] = r.refresh(token)
			})
		}
		close(start)
		tabs.Wait()
		successors := map[string]bool{}
		for _, a := range replies {
			require.Equal(t, 200, a.status, a.raw)
			successors[a.body.Refresh] = true
		}
		require.Len(t, successors, 1)
		row := r.kept()
		require.EqualValues(t, generation+1, row.Generation)
		require.True(t, row.EndedAt.IsZero())
		kinds := map[passbearer.EventKind]int{}
		for _, ev := range r.seen.take() {
			kinds[ev.Kind]++
		}
		require.Equal(t, map[passbearer.EventKind]int{passbearer.EventRefreshed: 1, passbearer.EventRefreshRepeated: n - 1}, kinds)
		token = slices.Collect(maps.Keys(successors))[0]
	}
}

// TestPasswordChangeRacesRefresh: once the change was answered, no session of
// before lives.
func TestPasswordChangeRacesRefresh(t *testing.T) {
	r := newRig(t, rigOptions{})
	for range 300 {
		r.signIn()
		var refresher sync.WaitGroup
		var a reply
		refresher.Go(func() { a = r.refresh(r.tokens[0]) })
		require.NoError(t, second(r.store.SetPasswordHash(t.Context(), "u1", r.hash, r.hash)))
		changed := r.refresh(r.tokens[0])
		refresher.Wait()
		require.Equal(t, refusedRefresh, changed.raw)
		if a.status == 200 {
			require.Equal(t, refusedRefresh, r.refresh(a.body.Refresh).raw)
		} else {
			require.Equal(t, refusedRefresh, a.raw)
		}
	}
}
