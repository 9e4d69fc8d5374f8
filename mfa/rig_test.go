package mfa_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/mfa"
)

const code = "123456" // johndoe's

var secret = []byte(strings.Repeat("s", 32))

// rig is a token endpoint with a second factor, on a clock that stands still.
type rig struct {
	t       testing.TB
	now     atomic.Int64 // seconds since 1970
	users   users
	opts    mfa.Options
	token   passbearer.TokenHandlerOptions
	keys    proofs
	issuer  issuer
	events  events
	secret  []byte
	verify  mfa.VerifyFunc
	asked   atomic.Int64 // how often verify was
	handler *passbearer.TokenHandler
	second  *mfa.SecondFactor
}

// newRig has one user, and what change makes of it.
func newRig(t testing.TB, change func(*rig)) *rig {
	r := &rig{t: t, secret: secret}
	r.now.Store(1_700_000_000)
	r.users.Store = &memstore.Store{Now: r.clock}
	require.NoError(t, r.users.AddUser(t.Context(), passbearer.User{ID: "u1", Name: "johndoe", Scope: "me items", Epoch: 7}))
	for _, id := range []string{"web", "app"} {
		require.NoError(t, r.users.AddClient(t.Context(), passbearer.Client{ID: id, Public: true}))
	}
	r.verify = func(_ context.Context, _ *passbearer.User, given string) (bool, error) { return given == code, nil }
	r.opts = mfa.Options{Replays: r.users.Store, ACR: "2fa", Now: r.clock, Observer: &r.events}
	r.token = passbearer.TokenHandlerOptions{Clients: r.users.Store, DPoP: r.keys, InsecureSkipThrottling: true, Observer: &r.events, Now: r.clock}
	if change != nil {
		change(r)
	}
	r.build()
	return r
}

func (r *rig) build() {
	var err error
	r.second, err = mfa.New(r.secret, &r.users, func(ctx context.Context, user *passbearer.User, code string) (bool, error) {
		r.asked.Add(1)
		return r.verify(ctx, user, code)
	}, &r.opts)
	require.NoError(r.t, err)
	r.token.AfterPassword = r.second.Challenge
	r.token.Grants = map[string]passbearer.GrantFunc{mfa.GrantType: r.second.Grant}
	r.handler = passbearer.NewTokenHandler(&r.users, &r.issuer, &r.token)
}

func (r *rig) clock() time.Time { return time.Unix(r.now.Load(), 0) }

// answer is one of the token endpoint.
type answer struct {
	status  int
	header  http.Header
	Error   string `json:"error"`
	Detail  string `json:"detail"`
	Token   string `json:"mfa_token"`
	Expires int64  `json:"expires_in"`
	Scope   string `json:"scope"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// post sends pairs of names and values; a later one replaces an earlier one of the
// same name, and "DPoP" is the header.
func (r *rig) post(pairs ...string) (a answer) {
	form := url.Values{"client_id": {"web"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	proof := form.Get("DPoP")
	form.Del("DPoP")
	req := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof != "" {
		req.Header.Set("DPoP", proof)
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		r.t.Error(err)
	}
	a.status, a.header = w.Code, w.Header()
	return a
}

// signIn sends the password, and returns the mfa_token.
func (r *rig) signIn(pairs ...string) string {
	r.t.Helper()
	a := r.post(append([]string{"grant_type", "password", "username", "johndoe", "password", "secret"}, pairs...)...)
	require.Equal(r.t, 400, a.status)
	require.Equal(r.t, "mfa_required", a.Error)
	require.NotEmpty(r.t, a.Token)
	return a.Token
}

func (r *rig) redeem(token, code string, pairs ...string) answer {
	return r.post(append([]string{"grant_type", mfa.GrantType, "mfa_token", token, "otp", code}, pairs...)...)
}

// requireGrant redeems the token.
func (r *rig) requireGrant(token string, pairs ...string) answer {
	r.t.Helper()
	a := r.redeem(token, code, pairs...)
	require.Equal(r.t, 200, a.status, a.Detail)
	return a
}

// users have the password "secret", which costs no hash.
type users struct {
	*memstore.Store
	err   error // of UserByID
	loads atomic.Int64
	other *passbearer.User // what UserByID returns instead
}

func (*users) VerifyPassword(_ context.Context, _, password string) (bool, error) {
	return password == "secret", nil
}

func (u *users) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	u.loads.Add(1)
	if u.err != nil || u.other != nil {
		return u.other, u.err
	}
	return u.Store.UserByID(ctx, id)
}

// issuer remembers what it was asked for.
type issuer struct {
	mu     sync.Mutex
	claims []passbearer.Claims
}

func (i *issuer) IssueToken(_ context.Context, c passbearer.Claims) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = append(i.claims, c)
	return "access", nil
}

// proofs takes the header for the thumbprint.
type proofs struct{}

func (proofs) VerifyProof(r *http.Request, _ string) (string, error) {
	return r.Header.Get("DPoP"), nil
}
func (proofs) ProofAlgorithms() []string { return []string{"ES256"} }

type events struct {
	mu   sync.Mutex
	list []passbearer.Event
}

func (e *events) Event(_ context.Context, event passbearer.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func (e *events) last() passbearer.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list[len(e.list)-1]
}

var errDown = errors.New("it is down")

// replays is a passbearer.ReplayStore that answers as it is told.
type replays func() (bool, error)

func (f replays) UseOnce(context.Context, string, time.Duration) (bool, error) { return f() }
