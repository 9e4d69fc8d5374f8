package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
)

// TestSessionStore tests a passbearer.SessionStore, and
// passbearer.UserSessionStore where the store implements it.
func TestSessionStore[S passbearer.SessionStore](t *testing.T, open func(*testing.T) S) {
	run(t, "what was created is found", open, sessionsAreFound)
	run(t, "an id is used once", open, sessionIDsAreUnique)
	run(t, "an unknown id", open, unknownSessions)
	run(t, "SwapGeneration compares and swaps", open, generationIsSwapped)
	run(t, "an ended session", open, endedSessions)
	run(t, "an expired session", open, expiredSessions)
	run(t, "one of many swaps wins", open, oneSwapWins)
	run(t, "an end stands against swaps", open, endStands)
	run(t, "one token refreshed by many", open, oneSuccessor)
	run(t, "many sessions at once", open, manySessions)
	if _, ok := any(open(t)).(passbearer.UserSessionStore); ok {
		run(t, "SessionsByUser lists the live ones", open, sessionsAreListed)
		run(t, "EndUserSessions", open, userSessionsEnd)
	}
}

// session has every field of its own kind filled in.
func session(id, userID string) passbearer.Session {
	return passbearer.Session{
		ID: id, UserID: userID, ClientID: "web", Scope: "me items:read", Epoch: 1<<60 + 1, Generation: 0,
		AuthTime: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), ACR: "1", AMR: "pwd otp", JKT: strings.Repeat("k", 43),
		Extra: `{"tenant":"blue 'é'"}`, UserAgent: "curl/8 🔑", IdleLifetime: time.Hour, Lifetime: 24 * time.Hour,
	}
}

func load(ctx context.Context, t testing.TB, s passbearer.SessionStore, id string) *passbearer.Session {
	t.Helper()
	row, err := s.SessionByID(ctx, id)
	must(t, err)
	return row
}

// same compares what is not a time of the store's.
func same(t testing.TB, got *passbearer.Session, want passbearer.Session) {
	t.Helper()
	plain := *got
	if !plain.AuthTime.Equal(want.AuthTime) {
		t.Errorf("AuthTime is %v, want %v", plain.AuthTime, want.AuthTime)
	}
	plain.AuthTime, plain.CreatedAt, plain.LastUsedAt, plain.EndedAt, plain.AsOf = want.AuthTime, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if plain != want {
		t.Errorf("the session changed in the store:\n got %+v\nwant %+v", plain, want)
	}
}

func sessionsAreFound[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	want := []passbearer.Session{session("a", "u1"), session("A", "u1"), {ID: "%", UserID: "u2", ClientID: "c", IdleLifetime: time.Second, Lifetime: 2 * time.Second}}
	for _, row := range want {
		must(t, s.CreateSession(ctx, row))
	}
	for _, w := range want {
		got := load(ctx, t, s, w.ID)
		same(t, got, w)
		if got.CreatedAt.IsZero() || !got.LastUsedAt.Equal(got.CreatedAt) || !got.EndedAt.IsZero() || got.AsOf.Before(got.CreatedAt) {
			t.Errorf("times of a new session: created %v, last used %v, ended %v, as of %v", got.CreatedAt, got.LastUsedAt, got.EndedAt, got.AsOf)
		}
		if got.AsOf.Sub(got.CreatedAt) > time.Minute {
			t.Errorf("CreatedAt %v and AsOf %v are not of one clock", got.CreatedAt, got.AsOf)
		}
	}
}

func sessionIDsAreUnique[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	first, second := session("a", "u1"), session("a", "u2")
	must(t, s.CreateSession(ctx, first))
	if s.CreateSession(ctx, second) == nil {
		t.Error("a second session with the same id is no error")
	}
	same(t, load(ctx, t, s, "a"), first)
}

func unknownSessions[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	must(t, s.CreateSession(ctx, session("abc", "u1")))
	for _, id := range []string{"", "ab", "ABC", "%", "abc "} {
		_, err := s.SessionByID(ctx, id)
		mustBe(t, err, passbearer.ErrSessionNotFound)
		_, swapped, err := s.SwapGeneration(ctx, id, 0, 1)
		mustBe(t, err, passbearer.ErrSessionNotFound)
		if swapped {
			t.Error("swapped what is not there")
		}
		must(t, s.EndSession(ctx, id))
	}
	same(t, load(ctx, t, s, "abc"), session("abc", "u1"))
}

func generationIsSwapped[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	want := session("a", "u1")
	must(t, s.CreateSession(ctx, want))
	for _, step := range []struct {
		from, to int64
		swapped  bool
		now      int64
	}{
		{0, 1, true, 1},
		{0, 1, false, 1}, // again
		{2, 3, false, 1}, // ahead of the row
		{1, 2, true, 2},
		{2, 4, true, 4}, // across a gap
		{4, 1<<62 + 1, true, 1<<62 + 1},
	} {
		before := load(ctx, t, s, "a")
		row, swapped, err := s.SwapGeneration(ctx, "a", step.from, step.to)
		must(t, err)
		want.Generation = step.now
		same(t, row, want)
		same(t, load(ctx, t, s, "a"), want)
		if swapped != step.swapped {
			t.Errorf("swap of %d to %d: %v, want %v", step.from, step.to, swapped, step.swapped)
		}
		if swapped && (row.LastUsedAt.Before(before.AsOf) || row.AsOf.Before(row.LastUsedAt)) {
			t.Errorf("swapped after %v: last used %v, as of %v", before.AsOf, row.LastUsedAt, row.AsOf)
		}
		if !swapped && !row.LastUsedAt.Equal(before.LastUsedAt) {
			t.Error("a refused swap moved LastUsedAt")
		}
		if !row.CreatedAt.Equal(before.CreatedAt) {
			t.Error("a swap moved CreatedAt")
		}
	}
}

// deadRow accepts both that a dead session is forgotten and that it is shown.
func deadRow(t testing.TB, row *passbearer.Session, err error) {
	t.Helper()
	if errors.Is(err, passbearer.ErrSessionNotFound) {
		return
	}
	must(t, err)
	if row.Live() {
		t.Errorf("a dead session is shown as live: %+v", row)
	}
}

func endedSessions[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	must(t, s.CreateSession(ctx, session("a", "u1")))
	must(t, s.CreateSession(ctx, session("b", "u1")))
	must(t, s.EndSession(ctx, "a"))
	first, err := s.SessionByID(ctx, "a")
	deadRow(t, first, err)
	must(t, s.EndSession(ctx, "a"))
	again, err := s.SessionByID(ctx, "a")
	deadRow(t, again, err)
	if first != nil && again != nil && !again.EndedAt.Equal(first.EndedAt) {
		t.Error("ending twice moved EndedAt")
	}
	row, swapped, err := s.SwapGeneration(ctx, "a", 0, 1)
	deadRow(t, row, err)
	if swapped {
		t.Error("an ended session was swapped")
	}
	if !load(ctx, t, s, "b").Live() {
		t.Error("another session was ended too")
	}
}

// expiredSessions have a lifetime of nothing, so that no clock is waited for.
func expiredSessions[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	idle, absolute := session("idle", "u1"), session("absolute", "u1")
	idle.IdleLifetime, absolute.Lifetime = 0, 0
	for _, row := range []passbearer.Session{idle, absolute} {
		must(t, s.CreateSession(ctx, row))
		got, err := s.SessionByID(ctx, row.ID)
		deadRow(t, got, err)
		got, swapped, err := s.SwapGeneration(ctx, row.ID, 0, 1)
		deadRow(t, got, err)
		if swapped {
			t.Errorf("the %s session was swapped after it had expired", row.ID)
		}
	}
}

func oneSwapWins[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	must(t, s.CreateSession(ctx, session("a", "u1")))
	var winners atomic.Int32
	each(func(i int) {
		to := int64(1)
		if i%2 == 1 {
			to = 2 // a healing swap beside an ordinary one
		}
		row, swapped, err := s.SwapGeneration(ctx, "a", 0, to)
		if err != nil || row.Generation == 0 || swapped && row.Generation != to {
			t.Errorf("swap 0 to %d: %v, %v", to, swapped, err)
		}
		if swapped {
			winners.Add(1)
		}
	})
	if winners.Load() != 1 {
		t.Errorf("%d swaps won", winners.Load())
	}
}

func endStands[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	must(t, s.CreateSession(ctx, session("a", "u1")))
	each(func(i int) {
		if i == parallel/2 {
			if err := s.EndSession(ctx, "a"); err != nil {
				t.Error(err)
			}
			if _, swapped, _ := s.SwapGeneration(ctx, "a", load(ctx, t, s, "a").Generation, 1000); swapped {
				t.Error("swapped after the end was acknowledged")
			}
			return
		}
		s.SwapGeneration(ctx, "a", int64(i), int64(i+1))
	})
	row, err := s.SessionByID(ctx, "a")
	deadRow(t, row, err)
}

func manySessions[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	id := func(i int) string { return fmt.Sprintf("session-%d", i) }
	each(func(i int) {
		if err := s.CreateSession(ctx, session(id(i), "u1")); err != nil {
			t.Error(err)
		}
		for g := range int64(3) {
			if _, swapped, err := s.SwapGeneration(ctx, id(i), g, g+1); err != nil || !swapped {
				t.Errorf("swap of a session that is nobody else's: %v, %v", swapped, err)
			}
		}
	})
	for i := range parallel {
		if got := load(ctx, t, s, id(i)).Generation; got != 3 {
			t.Errorf("session %d is at generation %d after 3 swaps", i, got)
		}
	}
}

func sessionsAreListed[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	lister := any(s).(passbearer.UserSessionStore)
	expired := session("expired", "u1")
	expired.Lifetime = 0
	for _, row := range []passbearer.Session{session("one", "u1"), session("other", "u2"), session("ended", "u1"), expired, session("two", "u1")} {
		must(t, s.CreateSession(ctx, row))
	}
	must(t, s.EndSession(ctx, "ended"))
	list, err := lister.SessionsByUser(ctx, "u1", 10)
	must(t, err)
	var ids []string
	for i := range list {
		ids = append(ids, list[i].ID)
		same(t, &list[i], session(list[i].ID, "u1"))
		if list[i].AsOf.IsZero() {
			t.Error("a listed session lacks AsOf")
		}
		if i > 0 && list[i].CreatedAt.After(list[i-1].CreatedAt) {
			t.Error("the newest session is not the first")
		}
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"one", "two"}) {
		t.Errorf("the live sessions are %q", ids)
	}
	newest, err := lister.SessionsByUser(ctx, "u1", 1)
	must(t, err)
	if len(newest) != 1 || newest[0].ID != list[0].ID {
		t.Errorf("at most one session: %d", len(newest))
	}
	none, err := lister.SessionsByUser(ctx, "u9", 10)
	must(t, err)
	if len(none) != 0 {
		t.Errorf("an unknown user has %d sessions", len(none))
	}
}

func userSessionsEnd[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	ender := any(s).(passbearer.UserSessionStore)
	for _, row := range []passbearer.Session{session("a", "u1"), session("b", "u1"), session("c", "u2")} {
		must(t, s.CreateSession(ctx, row))
	}
	for range 2 {
		must(t, ender.EndUserSessions(ctx, "u1"))
	}
	must(t, ender.EndUserSessions(ctx, "u9"))
	for _, id := range []string{"a", "b"} {
		row, err := s.SessionByID(ctx, id)
		deadRow(t, row, err)
	}
	if !load(ctx, t, s, "c").Live() {
		t.Error("another user's session was ended too")
	}
}
