package passbearer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// TestUserAgentIsCopied: under an adaptor of fasthttp, the memory of a header is the next
// request's.
func TestUserAgentIsCopied(t *testing.T) {
	r := newRig(t, rigOptions{})
	memory := []byte("Mozilla/5.0")
	req := tokenRequest("client_id", "app", "username", "johndoe", "password", "secret")
	req.Header.Set("User-Agent", unsafe.String(&memory[0], len(memory)))
	require.Equal(t, 200, r.do(req).status)
	copy(memory, "Bearer token")
	list, err := r.engine.List(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, "Mozilla/5.0", list[0].UserAgent)
}

func TestUserAgent(t *testing.T) {
	tests := []struct{ name, sent, kept string }{
		{"none", "", ""},
		{"usual", "Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"},
		{"256 bytes", strings.Repeat("a", 256), strings.Repeat("a", 256)},
		{"257 bytes", strings.Repeat("a", 257), strings.Repeat("a", 256)},
		{"long", strings.Repeat("a", 10_000), strings.Repeat("a", 256)},
		{"a rune across the end", strings.Repeat("a", 255) + "é", strings.Repeat("a", 255)},
		{"a rune up to the end", strings.Repeat("a", 254) + "é", strings.Repeat("a", 254) + "é"},
		{"four bytes across the end", strings.Repeat("a", 253) + "🔑", strings.Repeat("a", 253)},
		{"not UTF-8", "a\xff\xfeb", "a\uFFFDb"},
		{"not UTF-8 and long", strings.Repeat("a\xff", 256), strings.Repeat("a\uFFFD", 64)},
		{"half a rune", "a\xc3", "a\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rigOptions{})
			req := tokenRequest("client_id", "app", "username", "johndoe", "password", "secret")
			req.Header.Set("User-Agent", tt.sent)
			require.Equal(t, 200, r.do(req).status)
			list, err := r.engine.List(t.Context(), "u1")
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, tt.kept, list[0].UserAgent)
			require.True(t, utf8.ValidString(list[0].UserAgent))
			require.LessOrEqual(t, len(list[0].UserAgent), 256)
		})
	}
}

func TestSessionLive(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name          string
		created, used time.Duration // before now
		ended         bool
		live, expired bool
	}{
		{"new", 0, 0, false, true, false},
		{"idle almost", 30 * time.Minute, 10*time.Minute - 1, false, true, false},
		{"idle", 30 * time.Minute, 10 * time.Minute, false, false, true},
		{"old almost", time.Hour - 1, 0, false, true, false},
		{"old", time.Hour, 0, false, false, true},
		{"older", 2 * time.Hour, time.Minute, false, false, true},
		{"ended", 0, 0, true, false, false},
		{"ended and old", time.Hour, 0, true, false, true},
		{"of the future", -time.Minute, -time.Minute, false, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := passbearer.Session{CreatedAt: now.Add(-tt.created), LastUsedAt: now.Add(-tt.used), Lifetime: time.Hour, IdleLifetime: 10 * time.Minute, AsOf: now}
			if tt.ended {
				s.EndedAt = now
			}
			require.Equal(t, tt.live, s.Live())
			require.Equal(t, tt.expired, s.Expired())
		})
	}
	var zero passbearer.Session
	require.False(t, zero.Live())
}

func TestList(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		var sids []string
		for range 3 {
			time.Sleep(time.Minute)
			r.signIn()
			sids = append([]string{r.sid}, sids...)
		}
		list, err := r.engine.List(t.Context(), "u1")
		require.NoError(t, err)
		require.Len(t, list, 4)
		require.Equal(t, r.kept().CreatedAt, list[0].CreatedAt)
		for i, sid := range sids {
			require.Equal(t, sid, list[i].ID, "the newest first")
		}
		list, err = r.engine.List(t.Context(), "u2")
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

// TestListShowsWhatMayRefresh: a row may outlive what it lived by.
func TestListShowsWhatMayRefresh(t *testing.T) {
	tests := []struct {
		name   string
		script string
		listed int
	}{
		{"usual", "0>1", 2},
		{"ended", "end", 1},
		{"expired", "+336h", 0},
		{"idle, the other is used", "+335h 0>1 +1h", 1},
		{"disabled", "disable", 0},
		{"disabled, epoch forgotten", "flag", 0},
		{"enabled again", "disable enable", 0},
		{"deleted", "delete", 0},
		{"signed out everywhere", "epoch", 0},
		{"an epoch restored", "epoch-", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				r.signIn() // a second one
				r.run(tt.script)
				list, err := r.engine.List(t.Context(), "u1")
				require.NoError(t, err)
				require.Len(t, list, tt.listed)
			})
		})
	}
	r := newRig(t, rigOptions{})
	r.signIn()
	require.NoError(t, second(r.store.RaiseEpoch(t.Context(), "u1")))
	r.signIn()
	list, err := r.engine.List(t.Context(), "u1")
	require.NoError(t, err)
	require.Len(t, list, 1, "signed in again")
	require.Equal(t, r.sid, list[0].ID)
	r.fail("UserByID", errDown)
	list, err = r.engine.List(t.Context(), "u1")
	require.ErrorIs(t, err, errDown)
	require.EqualError(t, err, "passbearer: list sessions: load the user: "+errDown.Error())
	require.Nil(t, list)
}

// listed remembers how many rows were asked for.
type listed struct {
	*spy
	limit int
}

func (l *listed) SessionsByUser(ctx context.Context, userID string, limit int) ([]passbearer.Session, error) {
	l.limit = limit
	return l.spy.SessionsByUser(ctx, userID, limit)
}

func TestListIsBounded(t *testing.T) {
	r := newRig(t, rigOptions{})
	store := &listed{spy: r.store}
	_, err := passbearer.NewSessions(r.store, store, r.keys, nil).List(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, 1000, store.limit)
}

// TestAStoresRefusalIsNotOurs: an *Error that a store returns was meant for the
// store.
func TestAStoresRefusalIsNotOurs(t *testing.T) {
	refusal := &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_grant", ErrorDescription: "go away"}
	for call, token := range map[string]int{"SessionByID": 1, "UserByID": 1, "SwapGeneration": 1, "EndSession": 0, "CreateSession": -1} {
		t.Run(call, func(t *testing.T) {
			r := newRig(t, rigOptions{sessions: passbearer.SessionsOptions{Grace: -1}})
			r.signIn()
			r.tokens = append(r.tokens, r.refresh(r.tokens[0]).body.Refresh)
			r.fail(call, refusal)
			var a reply
			if token < 0 {
				a = r.do(tokenRequest("client_id", "app", "username", "johndoe", "password", "secret"))
			} else {
				a = r.refresh(r.tokens[token])
			}
			require.Equal(t, 503, a.status, a.raw)
			require.Equal(t, "temporarily_unavailable", a.body.Error)
		})
	}
}

func TestUnsupported(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.signIn()
	ctx := t.Context()
	few := struct{ passbearer.SessionStore }{r.store}
	users := struct{ passbearer.UserStore }{r.store}

	none := passbearer.NewSessions(users, few, r.keys, &passbearer.SessionsOptions{Observer: r.seen})
	list, err := none.List(ctx, "u1")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.EqualError(t, err, "passbearer: list sessions: unsupported operation by this SessionStore")
	require.Nil(t, list)
	err = none.EndAll(ctx, "u1")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.EqualError(t, err, "passbearer: end all sessions: unsupported operation by this UserStore")
	require.Empty(t, r.seen.all)
	require.Equal(t, 200, r.refresh(r.tokens[0]).status, "nothing was done")
	r.seen.take()

	noUser := passbearer.NewSessions(users, r.store, r.keys, &passbearer.SessionsOptions{Observer: r.seen})
	require.ErrorIs(t, noUser.EndAll(ctx, "u1"), errors.ErrUnsupported)
	require.True(t, r.kept().EndedAt.IsZero(), "the epoch is the authority: without it, ending rows would be a promise not kept")

	epochOnly := passbearer.NewSessions(r.store, few, r.keys, &passbearer.SessionsOptions{Observer: r.seen})
	require.NoError(t, epochOnly.EndAll(ctx, "u1"))
	require.Equal(t, []passbearer.EventKind{passbearer.EventSignedOutEverywhere}, r.seen.kinds())
	require.Equal(t, refusedRefresh, r.refresh(r.tokens[0]).raw)
	require.True(t, r.kept().EndedAt.IsZero(), "and yet over")
}

func TestEnd(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		ctx, before := t.Context(), r.kept()
		for _, wrong := range []struct{ name, user, sid string }{
			{"another user's", "u2", r.sid},
			{"no user", "", r.sid},
			{"unknown", "u1", "unknown"},
			{"none", "u1", ""},
		} {
			err := r.engine.End(ctx, wrong.user, wrong.sid)
			require.ErrorIs(t, err, passbearer.ErrSessionNotFound, wrong.name)
			require.EqualError(t, err, "passbearer: end a session: passbearer: no such session", "one answer, so that ids cannot be tried")
		}
		require.Equal(t, before, r.kept())
		require.Empty(t, r.seen.all)

		other := r.sid
		r.signIn()
		require.NoError(t, r.engine.End(ctx, "u1", r.sid))
		require.Equal(t, []passbearer.Event{{Kind: passbearer.EventSignedOut, Time: time.Now(), UserID: "u1", ClientID: "app", SessionID: r.sid}}, r.seen.take())
		ended := r.kept()
		require.Equal(t, r.store.Now(), ended.EndedAt)
		r.run("0x:ended")
		time.Sleep(time.Minute)
		r.seen.take()
		require.NoError(t, r.engine.End(ctx, "u1", r.sid), "twice is no error")
		require.Equal(t, ended, r.kept())
		require.Empty(t, r.seen.all, "told once")

		list, err := r.engine.List(ctx, "u1")
		require.NoError(t, err)
		require.Len(t, list, 1, "the other session lives")
		require.Equal(t, other, list[0].ID)
	})
}

func TestEndBroken(t *testing.T) {
	for _, call := range []string{"SessionByID", "EndSession"} {
		r := newRig(t, rigOptions{})
		r.signIn()
		r.fail(call, errDown)
		require.ErrorIs(t, r.engine.End(t.Context(), "u1", r.sid), errDown, call)
		require.ErrorIs(t, r.engine.Revoke(t.Context(), "app", r.tokens[0]), errDown, call)
		require.Empty(t, r.seen.all, call)
		clear(r.store.on)
		require.NoError(t, r.engine.End(t.Context(), "u1", r.sid))
	}
	r := newRig(t, rigOptions{})
	r.signIn()
	r.fail("SessionByID", errNothing)
	const nothing = "the SessionStore returned neither the session with AsOf nor an error"
	require.EqualError(t, r.engine.End(t.Context(), "u1", r.sid), "passbearer: end a session: "+nothing)
	require.EqualError(t, r.engine.Revoke(t.Context(), "app", r.tokens[0]), nothing)
	require.Equal(t, []string{"CreateSession", "SessionByID", "SessionByID"}, r.store.calls)
}

// TestEndingIsNotCancelled: the user clicked on "sign out" and left the page.
func TestEndingIsNotCancelled(t *testing.T) {
	ends := map[string]func(r *rig, ctx context.Context) error{
		"End":    func(r *rig, ctx context.Context) error { return r.engine.End(ctx, "u1", r.sid) },
		"Revoke": func(r *rig, ctx context.Context) error { return r.engine.Revoke(ctx, "app", r.tokens[0]) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, rigOptions{})
			r.signIn()
			ctx, leave := context.WithCancel(t.Context())
			r.store.on["SessionByID"] = func(context.Context) error { leave(); return nil }
			var ending context.Context
			r.store.on["EndSession"] = func(ctx context.Context) error { ending = ctx; return ctx.Err() }
			require.NoError(t, end(r, ctx))
			require.ErrorIs(t, ending.Err(), context.Canceled, "its timer is given back")
			require.False(t, r.kept().EndedAt.IsZero())
		})
	}
}

func TestEndAll(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		ctx := t.Context()
		first, firstToken := r.sid, r.tokens[0]
		r.signIn()
		a := r.do(tokenRequest("client_id", "app", "username", "alice", "password", "secret"))
		r.seen.take()
		user, err := r.store.UserByName(ctx, "johndoe")
		require.NoError(t, err)
		require.NoError(t, r.engine.EndAll(ctx, "u1"))
		require.Equal(t, []passbearer.Event{{Kind: passbearer.EventSignedOutEverywhere, Time: time.Now(), UserID: "u1"}}, r.seen.take())
		raised, err := r.store.UserByName(ctx, "johndoe")
		require.NoError(t, err)
		require.Greater(t, raised.Epoch, user.Epoch)
		require.False(t, r.kept().EndedAt.IsZero())
		r.run("0x:ended")
		r.sid, r.tokens = first, []string{firstToken}
		r.run("0x:ended")
		list, err := r.engine.List(ctx, "u1")
		require.NoError(t, err)
		require.Empty(t, list)
		require.Equal(t, 200, r.refresh(a.body.Refresh).status, "others go on")
		r.signIn()
		r.run("0>1")
	})
}

// endAllFails breaks the second step, after the epoch.
type endAllFails struct{ *spy }

func (endAllFails) EndUserSessions(context.Context, string) error { return errDown }
func (endAllFails) SessionsByUser(context.Context, string, int) ([]passbearer.Session, error) {
	return []passbearer.Session{{}}, errDown
}

func TestEndAllBroken(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.signIn()
	err := r.engine.EndAll(t.Context(), "nobody")
	require.ErrorIs(t, err, passbearer.ErrUserNotFound)
	require.Empty(t, r.seen.all)

	half := passbearer.NewSessions(r.store, endAllFails{r.store}, r.keys, &passbearer.SessionsOptions{Observer: r.seen})
	broken := half.EndAll(t.Context(), "u1")
	require.ErrorIs(t, broken, errDown)
	require.Equal(t, 503, passbearer.AsError(broken).StatusCode)
	require.Equal(t, []passbearer.EventKind{passbearer.EventSignedOutEverywhere}, r.seen.kinds(), "it is in effect")
	require.Equal(t, refusedRefresh, r.refresh(r.tokens[0]).raw, "the epoch is the authority")
	list, err := half.List(t.Context(), "u1")
	require.ErrorIs(t, err, errDown)
	require.EqualError(t, err, "passbearer: list sessions: "+errDown.Error())
	require.Equal(t, 503, passbearer.AsError(err).StatusCode)
	require.Nil(t, list)
}

func TestRevoke(t *testing.T) {
	other := refreshKeys(t, goldenIssuer, secretB)
	foreign, _ := anyToken(t, other)
	tests := []struct {
		name    string
		before  string
		present int
		ends    bool
	}{
		{"current", "", 0, true},
		{"current, rotated", "0>1 1>2", 2, true},
		{"the one before", "0>1", 0, true},
		{"the one before, outside of the window", "0>1 +1m", 0, true},
		{"two behind", "0>1 1>2", 0, true},
		{"one ahead of the row", "0>1 lose1", 1, true},
		{"two ahead of the row", "0>1 1>2 lose2", 2, true},
		{"expired", "+336h", 0, true},
		{"of a disabled user", "disable", 0, true},
		{"other epoch", "epoch", 0, true},
		{"revoked here", "revoke", 0, true},
		{"unknown", "forget", 0, false},
		{"row of another user", "swapuser", 0, false},
		{"row of another client", "swapclient", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				r.run(tt.before)
				r.seen.take()
				before := r.kept()
				require.NoError(t, r.engine.Revoke(t.Context(), "app", r.tokens[tt.present]))
				if !tt.ends {
					require.Equal(t, before, r.kept())
					require.Empty(t, r.seen.all)
					return
				}
				require.Equal(t, []passbearer.Event{{Kind: passbearer.EventSignedOut, Time: time.Now(), UserID: "u1", ClientID: "app", SessionID: r.sid}}, r.seen.take())
				before.EndedAt = r.store.Now()
				require.Equal(t, before, r.kept())
				time.Sleep(time.Second)
				require.NoError(t, r.engine.Revoke(t.Context(), "app", r.tokens[tt.present]), "again")
				require.NoError(t, r.engine.Revoke(t.Context(), "app", r.tokens[0]), "and with any of its tokens")
				require.Equal(t, before, r.kept())
				require.Empty(t, r.seen.all, "told once")
				for _, token := range r.tokens {
					require.Equal(t, refusedRefresh, r.refresh(token).raw)
				}
			})
		})
	}
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		before := r.kept()
		r.store.calls = nil
		for _, token := range []string{"", "x", "at-1", foreign, r.tokens[0] + "="} {
			require.NoError(t, r.engine.Revoke(t.Context(), "app", token))
		}
		require.Empty(t, r.store.calls, "no I/O")
		for _, client := range []string{"web", ""} {
			err := r.engine.Revoke(t.Context(), client, r.tokens[0])
			var e *passbearer.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 400, e.StatusCode)
			require.Equal(t, "unauthorized_client", e.ErrorCode)
			require.Equal(t, "The token belongs to another client", e.ErrorDescription)
		}
		require.Equal(t, before, r.kept())
		require.Empty(t, r.seen.all)
		r.run("0>1")
	})
}

func TestNewSessions(t *testing.T) {
	store, keys := memstore.New(), refreshKeys(t, goldenIssuer, secretA)
	const missing = "passbearer: NewSessions needs a UserStore, a SessionStore and RefreshKeys: NewRefreshKeys makes them"
	const negative = "passbearer: a lifetime in SessionsOptions is negative: leave it zero for the default"
	tests := []struct {
		name  string
		users passbearer.UserStore
		store passbearer.SessionStore
		keys  *passbearer.RefreshKeys
		opts  *passbearer.SessionsOptions
		panic any
	}{
		{"all", store, store, keys, nil, nil},
		{"zero options", store, store, keys, &passbearer.SessionsOptions{}, nil},
		{"negative grace", store, store, keys, &passbearer.SessionsOptions{Grace: -1}, nil},
		{"no users", nil, store, keys, nil, missing},
		{"no store", store, nil, keys, nil, missing},
		{"no keys", store, store, nil, nil, missing},
		{"zero keys", store, store, new(passbearer.RefreshKeys), nil, missing},
		{"negative idle lifetime", store, store, keys, &passbearer.SessionsOptions{IdleLifetime: -1}, negative},
		{"negative lifetime", store, store, keys, &passbearer.SessionsOptions{Lifetime: -1}, negative},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			make := func() { require.NotNil(t, passbearer.NewSessions(tt.users, tt.store, tt.keys, tt.opts)) }
			if tt.panic == nil {
				require.NotPanics(t, make)
			} else {
				require.PanicsWithValue(t, tt.panic, make)
			}
		})
	}
}

// TestSessionsDefaults: nil options, and options changed after the fact.
func TestSessionsDefaults(t *testing.T) {
	for _, o := range []*passbearer.SessionsOptions{nil, {}} {
		r := newRig(t, rigOptions{})
		sessions := passbearer.NewSessions(r.store, r.store, r.keys, o)
		if o != nil {
			o.IdleLifetime, o.Lifetime = time.Nanosecond, time.Nanosecond
		}
		r.handler = passbearer.NewTokenHandler(r.store, r.issuer, &passbearer.TokenHandlerOptions{Sessions: sessions, Passwords: fastPasswords})
		r.signIn()
		row := r.kept()
		require.Equal(t, 14*24*time.Hour, row.IdleLifetime)
		require.Equal(t, 90*24*time.Hour, row.Lifetime)
		a := r.refresh(r.tokens[0])
		require.Equal(t, 200, a.status)
		require.Equal(t, a.body.Refresh, r.refresh(r.tokens[0]).body.Refresh)
		require.Empty(t, r.seen.all)
	}
	require.Equal(t, 10*time.Second, passbearer.DefaultGrace)
}
