package pgstore_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
)

// anyPassword is a store whose users may sign in with any.
type anyPassword struct{ *pgstore.Store }

func (anyPassword) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

// issuer of tokens that say which session they are of.
type sids struct{}

func (sids) IssueToken(_ context.Context, c passbearer.Claims) (string, error) {
	return c.SessionID, nil
}

// endpoint is a token endpoint on a store.
type endpoint struct {
	t        *testing.T
	handler  http.Handler
	sessions *passbearer.Sessions
	seen     events
}

func newEndpoint(t *testing.T, s *pgstore.Store) *endpoint {
	t.Helper()
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", make([]byte, 32))
	require.NoError(t, err)
	e := &endpoint{t: t}
	known := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: &e.seen})
	e.sessions = passbearer.NewSessions(s, s, keys, &passbearer.SessionsOptions{Observer: &e.seen, Revocations: known, Grace: -1})
	e.handler = passbearer.NewTokenHandler(anyPassword{s}, sids{}, &passbearer.TokenHandlerOptions{Sessions: e.sessions, Observer: &e.seen})
	return e
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

// post asks again while the store's connections lead to the server that was.
func (e *endpoint) post(pairs ...string) (got tokens) {
	until(e.t, "an answer", func() bool {
		got = e.try(pairs...)
		return got.Error != "temporarily_unavailable"
	})
	return got
}

func (e *endpoint) try(pairs ...string) (got tokens) {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	require.NoError(e.t, json.Unmarshal(w.Body.Bytes(), &got))
	return got
}

func (e *endpoint) signIn(name string) tokens {
	return e.post("grant_type", "password", "username", name, "password", "x")
}

func (e *endpoint) refresh(token string) tokens {
	return e.post("grant_type", "refresh_token", "refresh_token", token)
}

// TestWhatAFailoverLoses is the same for sessions that lost none, one and two
// rotations, and for one whose end was lost.
func TestWhatAFailoverLoses(t *testing.T) {
	p := newPair(t)
	hosts := url.QueryEscape(p.primary.dir + "," + p.standby.dir)
	s := openAt(t, "postgres:///postgres?user=postgres&port=5432,5432&host="+hosts, &pgstore.Options{Schema: p.schema})
	require.NoError(t, s.AddUser(t.Context(), passbearer.User{ID: "u1", Name: "johndoe"}))
	e := newEndpoint(t, s)
	var held [4]tokens // none, one, two, ended
	for i := range held {
		held[i] = e.refresh(e.signIn("johndoe").Refresh)
		require.NotEmpty(t, held[i].Refresh)
	}
	sql := "SELECT count(*)::int FROM " + p.schema + ".sessions WHERE generation = 1"
	until(t, "the standby has them", func() bool { return value[int](t, p.standby.url("postgres"), sql) == len(held) })
	p.link.cut()
	before := held
	held[1] = e.refresh(held[1].Refresh)
	held[2] = e.refresh(e.refresh(held[2].Refresh).Refresh)
	require.NoError(t, e.sessions.End(t.Context(), "u1", held[3].Access))
	p.primary.crash()
	p.promote()

	var after [4]tokens
	for i, healed := range []int{0, 1, 1, 1} {
		after[i] = e.refresh(held[i].Refresh)
		require.Equal(t, healed, e.seen.of(passbearer.EventRefreshHealed))
	}
	require.NotEmpty(t, after[0].Refresh)
	require.NotEmpty(t, after[1].Refresh)
	require.Equal(t, "invalid_grant", after[2].Error)
	require.Equal(t, 1, e.seen.of(passbearer.EventRefreshLost))
	require.Equal(t, "invalid_grant", after[3].Error, "this process knows that it was ended")
	require.NotEmpty(t, e.refresh(after[0].Refresh).Refresh)
	require.Equal(t, "invalid_grant", e.refresh(before[1].Refresh).Error, "one life, not two")
	require.Equal(t, "invalid_grant", e.refresh(after[1].Refresh).Error, "the theft ended it")
}

// TestStandbyIsRefused, for it shows what has been.
func TestStandbyIsRefused(t *testing.T) {
	p := newPair(t)
	_, err := pgstore.Open(t.Context(), p.standby.url("postgres"), &pgstore.Options{Schema: p.schema})
	notUnknown(t, err)
	pool := newPool(t, p.standby.url("postgres"))
	_, err = pgstore.New(t.Context(), pool, &pgstore.Options{Schema: p.schema, Timeout: 10 * time.Second})
	require.ErrorContains(t, err, "standby")
}
