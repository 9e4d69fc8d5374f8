package passbearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
)

// endpoint is a token endpoint with the users johndoe, who has the scope "me
// items:read items:write", and alice, who is disabled. Both have the password
// "secret".
type endpoint struct {
	*passbearer.TokenHandler
	store  *memstore.Store
	issuer *fakeIssuer
	events *events
}

func newEndpoint(t testing.TB, change func(*passbearer.TokenHandlerOptions)) *endpoint {
	t.Helper()
	alice := fastUser(t, "u2", "alice", "me")
	alice.Disabled = true
	e := &endpoint{
		store:  memstore.New(fastUser(t, "u1", "johndoe", "me items:read items:write"), alice),
		issuer: new(fakeIssuer),
		events: new(events),
	}
	opts := passbearer.TokenHandlerOptions{Passwords: fastPasswords, Observer: e.events}
	if change != nil {
		change(&opts)
	}
	e.TokenHandler = passbearer.NewTokenHandler(e.store, e.issuer, &opts)
	return e
}

// signIn posts johndoe's name and password, and what else is given.
func (e *endpoint) signIn(t testing.TB, more ...string) (status int, body map[string]any, header http.Header) {
	t.Helper()
	return post(t, e, append([]string{"username", "johndoe", "password", "secret"}, more...)...)
}

func TestSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(t, nil)
		status, body, header := e.signIn(t, "grant_type", "password", "client_id", "ignored", "client_secret", "ignored")
		require.Equal(t, 200, status)
		require.Equal(t, map[string]any{"access_token": "at-1", "token_type": "bearer", "expires_in": 900.0, "scope": "me items:read items:write"}, body)
		require.Equal(t, "no-store", header.Get("Cache-Control"))
		require.Equal(t, "application/json", header.Get("Content-Type"))
		now := passbearer.NumericDate(time.Now().Unix())
		c := e.issuer.last()
		require.Len(t, c.ID, 26)
		require.Equal(t, passbearer.Claims{ID: c.ID, Subject: "u1", ClientID: "first-party", Scope: "me items:read items:write",
			IssuedAt: now, Expiry: now + 900, AuthTime: now, AMR: "pwd", Epoch: 1}, c)
		require.Equal(t, []passbearer.EventKind{passbearer.EventSignedIn}, e.events.kinds())
		event := e.events.all[0]
		require.Equal(t, passbearer.Event{Kind: passbearer.EventSignedIn, Time: time.Now(), UserID: "u1", ClientID: "first-party", TokenID: c.ID}, event)
	})
}

// TestMembersInOrder: the tutorial's clients see its two members first.
func TestMembersInOrder(t *testing.T) {
	w := serve(newEndpoint(t, nil), tokenRequest("username", "johndoe", "password", "secret", "scope", "me"))
	require.Equal(t, `{"access_token":"at-1","token_type":"bearer","expires_in":900,"scope":"me"}`+"\n", w.Body.String())
}

// TestOneAnswerToWrongCredentials: the bytes and the work are the same, whoever
// asks, and no challenge is sent.
func TestOneAnswerToWrongCredentials(t *testing.T) {
	const want = `{"detail":"Incorrect username or password","error":"invalid_grant","error_description":"Incorrect username or password"}` + "\n"
	for _, tt := range []struct{ name, username, password, user string }{
		{"wrong password", "johndoe", "secrets", "u1"},
		{"password in another case", "johndoe", "Secret", "u1"},
		{"password with a space", "johndoe", "secret ", "u1"},
		{"unknown user", "janedoe", "secret", ""},
		{"disabled user", "alice", "secret", "u2"},
		{"disabled user, wrong password", "alice", "secrets", "u2"},
		{"user without a password", "sso", "secret", "u3"},
		{"unusable hash", "unusable", "secret", "u4"},
		{"password of 1,025 bytes", "johndoe", strings.Repeat("p", 1025), "u1"},
		{"the same, unknown user", "janedoe", strings.Repeat("p", 1025), ""},
		{"name of 1,025 bytes", strings.Repeat("n", 1025), "secret", ""},
		{"name that normalises elsewhere", "ｊｏｈｎｄｏｅ", "secret", ""},
		{"name that looks alike", "jоhndoe", "secret", ""}, // a Cyrillic o
	} {
		t.Run(tt.name, func(t *testing.T) {
			hasher, err := password.New(&password.Options{Params: password.Params{Memory: 64, Time: 1, Threads: 1}})
			require.NoError(t, err)
			e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) { o.Passwords = hasher })
			require.NoError(t, e.store.AddUser(t.Context(), passbearer.User{ID: "u3", Name: "sso"}))
			require.NoError(t, e.store.AddUser(t.Context(), passbearer.User{ID: "u4", Name: "unusable", PasswordHash: "!"}))
			w := serve(e, tokenRequest("username", tt.username, "password", tt.password))
			require.Equal(t, 400, w.Code)
			require.Equal(t, want, w.Body.String())
			require.Equal(t, http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}, w.Header())
			require.Equal(t, uint64(64), hasher.Stats().Work, "one hash at policy cost")
			require.Equal(t, []passbearer.EventKind{passbearer.EventSignInFailed}, e.events.kinds())
			require.Equal(t, tt.user, e.events.all[0].UserID)
			require.Error(t, e.events.all[0].Err)
			require.Empty(t, e.issuer.issued)
		})
	}
}

func TestNamesAreCanonical(t *testing.T) {
	e := newEndpoint(t, nil)
	require.NoError(t, e.store.AddUser(t.Context(), fastUser(t, "u5", "andré", "")))
	for _, name := range []string{"johndoe", "JohnDoe", "JOHNDOE"} {
		status, _, _ := post(t, e, "username", name, "password", "secret")
		require.Equal(t, 200, status, name)
		require.Equal(t, "u1", e.issuer.last().Subject)
	}
	status, _, _ := post(t, e, "username", "ANDRE\u0301", "password", "secret")
	require.Equal(t, 200, status)
	require.Equal(t, "u5", e.issuer.last().Subject)

	own := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.CanonicalName = func(s string) (string, error) {
			if s == "refused" {
				return "johndoe", errors.New("not a name")
			}
			return strings.TrimSuffix(s, "@example.com"), nil
		}
	})
	status, _, _ = post(t, own, "username", "johndoe@example.com", "password", "secret")
	require.Equal(t, 200, status)
	status, _, _ = post(t, own, "username", "refused", "password", "secret")
	require.Equal(t, 400, status, "the name is unknown, though its password would be right")
}

func TestEmptyPasswordReachesNoStore(t *testing.T) {
	e := passbearer.NewTokenHandler(userStore{}, new(fakeIssuer), nil)
	for _, name := range []string{"johndoe", "janedoe"} {
		w := serve(e, tokenRequest("username", name, "password", ""))
		require.Equal(t, 400, w.Code)
		require.Equal(t, `{"detail":"Missing parameter: password","error":"invalid_request","error_description":"Missing parameter: password"}`+"\n", w.Body.String())
	}
}

func TestMethods(t *testing.T) {
	e := newEndpoint(t, nil)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		r := httptest.NewRequest(method, "/token?grant_type=password&username=johndoe&password=secret", nil)
		w := serve(e, r)
		require.Equal(t, 405, w.Code, method)
		require.Equal(t, "POST", w.Header().Get("Allow"))
		require.NotContains(t, w.Body.String(), "secret")
	}
}

func TestMountsAnywhere(t *testing.T) {
	e := newEndpoint(t, nil)
	mux := http.NewServeMux()
	mux.Handle("/v1/", http.StripPrefix("/v1", e))
	for _, path := range []string{"/v1/oauth/token", "/v1/x"} {
		r := tokenRequest("username", "johndoe", "password", "secret")
		r.URL.Path = path
		require.Equal(t, 200, serve(mux, r).Code)
	}
}

func TestGrantTypes(t *testing.T) {
	strict := func(o *passbearer.TokenHandlerOptions) { o.Strict = true }
	for _, tt := range []struct {
		name   string
		change func(*passbearer.TokenHandlerOptions)
		pairs  []string
		code   string
	}{
		{"lenient", nil, []string{"username", "johndoe", "password", "secret"}, ""},
		{"strict, absent", strict, []string{"username", "johndoe", "password", "secret"}, "invalid_request"},
		{"strict", strict, []string{"grant_type", "password", "username", "johndoe", "password", "secret"}, ""},
		{"empty", nil, []string{"grant_type", "", "username", "johndoe", "password", "secret"}, "invalid_request"},
		{"nothing", nil, []string{"scope", "me"}, "invalid_request"},
		{"another case", nil, []string{"grant_type", "Password", "username", "johndoe", "password", "secret"}, "unsupported_grant_type"},
		{"authorization_code", nil, []string{"grant_type", "authorization_code", "code", "x"}, "unsupported_grant_type"},
		{"client_credentials", nil, []string{"grant_type", "client_credentials"}, "unsupported_grant_type"},
		{"refresh_token without sessions", nil, []string{"grant_type", "refresh_token", "refresh_token", "x"}, "unsupported_grant_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, _ := post(t, newEndpoint(t, tt.change), tt.pairs...)
			if tt.code == "" {
				require.Equal(t, 200, status)
				return
			}
			require.Equal(t, 400, status)
			require.Equal(t, tt.code, body["error"])
			require.Equal(t, body["detail"], body["error_description"])
		})
	}
}

func TestScopes(t *testing.T) {
	for _, tt := range []struct{ name, asked, granted, code string }{
		{"none asked", "", "me items:read items:write", ""},
		{"a part", "items:read", "items:read", ""},
		{"their order, each once", "items:read me items:read", "items:read me", ""},
		{"extra spaces", "  me   items:read ", "me items:read", ""},
		{"some not theirs", "admin me", "me", ""},
		{"none theirs", "admin root", "", "invalid_scope"},
		{"another case", "ME", "", "invalid_scope"},
		{"a quote", `a"b`, "", "invalid_scope"},
		{"a backslash", `a\b`, "", "invalid_scope"},
		{"not ASCII", "é", "", "invalid_scope"},
		{"a tab", "me\titems:read", "", "invalid_scope"},
		{"too many", strings.Repeat("a ", 10000), "", "invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t, nil)
			status, body, _ := e.signIn(t, "scope", tt.asked)
			if tt.code != "" {
				require.Equal(t, 400, status)
				require.Equal(t, tt.code, body["error"])
				require.Empty(t, e.issuer.issued)
				return
			}
			require.Equal(t, 200, status)
			require.Equal(t, tt.granted, body["scope"], "echoed")
			require.Equal(t, passbearer.Scope(tt.granted), e.issuer.last().Scope)
		})
	}
}

func TestUserWithoutScope(t *testing.T) {
	e := newEndpoint(t, nil)
	require.NoError(t, e.store.AddUser(t.Context(), fastUser(t, "u5", "plain", "")))
	status, body, _ := post(t, e, "username", "plain", "password", "secret")
	require.Equal(t, 200, status)
	require.Equal(t, "", body["scope"])
}

func TestScopePolicy(t *testing.T) {
	var asked passbearer.ScopeRequest
	answer, failure := passbearer.Scope("x"), error(nil)
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.ClientID = "web"
		o.ScopePolicy = func(_ context.Context, q passbearer.ScopeRequest) (passbearer.Scope, error) {
			asked = q
			return answer, failure
		}
	})
	status, body, _ := e.signIn(t, "scope", "a b")
	require.Equal(t, 200, status)
	require.Equal(t, "x", body["scope"])
	require.Equal(t, passbearer.Scope("a b"), asked.Asked)
	require.Equal(t, "u1", asked.User.ID)
	require.Equal(t, "web", asked.ClientID)
	require.Nil(t, asked.Session)

	answer = `not "valid`
	status, _, _ = e.signIn(t)
	require.Equal(t, 503, status)
	failure = errors.New("policy server is down")
	status, _, _ = e.signIn(t)
	require.Equal(t, 503, status)
	failure = &passbearer.Error{StatusCode: 403, ErrorCode: "access_denied", ErrorDescription: "Not at night"}
	status, body, _ = e.signIn(t)
	require.Equal(t, 403, status)
	require.Equal(t, "access_denied", body["error"])
}

// userStore is a UserStore made of functions; without them it panics.
type userStore struct {
	byName func(string) (*passbearer.User, error)
	byID   func(string) (*passbearer.User, error)
}

func (s userStore) UserByName(_ context.Context, name string) (*passbearer.User, error) {
	return s.byName(name)
}

func (s userStore) UserByID(_ context.Context, id string) (*passbearer.User, error) {
	return s.byID(id)
}

func TestStoreFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		user   *passbearer.User
		err    error
		status int
		code   string
		kind   passbearer.EventKind
	}{
		{"error", nil, errors.New("secret cause"), 503, "temporarily_unavailable", passbearer.EventUnavailable},
		{"deadline", nil, context.DeadlineExceeded, 503, "temporarily_unavailable", passbearer.EventUnavailable},
		{"nothing", nil, nil, 503, "temporarily_unavailable", passbearer.EventUnavailable},
		{"no id", &passbearer.User{Name: "johndoe"}, nil, 503, "temporarily_unavailable", passbearer.EventUnavailable},
		{"panic", nil, errPanic, 500, "server_error", passbearer.EventPanic},
		{"an answer that was for the store", nil, fmt.Errorf("remote: %w", &passbearer.Error{StatusCode: 401, ErrorDescription: "secret cause"}), 503, "temporarily_unavailable", passbearer.EventUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := new(events)
			hasher, err := password.New(&password.Options{Params: password.Params{Memory: 64, Time: 1, Threads: 1}, Concurrency: 1})
			require.NoError(t, err)
			h := passbearer.NewTokenHandler(userStore{byName: func(string) (*passbearer.User, error) {
				if tt.err == errPanic {
					panic("secret cause")
				}
				return tt.user, tt.err
			}}, new(fakeIssuer), &passbearer.TokenHandlerOptions{Observer: seen, Passwords: hasher})
			status, body, header := post(t, h, "username", "johndoe", "password", "secret")
			require.Equal(t, tt.status, status)
			require.Equal(t, tt.code, body["error"])
			require.Equal(t, tt.status == 503, header.Get("Retry-After") == "1")
			require.NotContains(t, fmt.Sprint(body), "secret")
			require.Equal(t, []passbearer.EventKind{tt.kind}, seen.kinds())
			require.Zero(t, hasher.Stats().Hashes, "no hash for nobody")
		})
	}
}

func TestIssuerFails(t *testing.T) {
	e := newEndpoint(t, nil)
	e.issuer.err = errors.New("secret cause")
	status, body, header := e.signIn(t)
	require.Equal(t, 503, status)
	require.Equal(t, "temporarily_unavailable", body["error"])
	require.Equal(t, "1", header.Get("Retry-After"))
	require.Equal(t, []passbearer.EventKind{passbearer.EventUnavailable}, e.events.kinds(), "nobody signed in")
}

// verifying checks passwords itself.
type verifying struct {
	*memstore.Store
	verify func(name, password string) (bool, error)
}

func (v verifying) VerifyPassword(_ context.Context, name, password string) (bool, error) {
	return v.verify(name, password)
}

func TestPasswordVerifier(t *testing.T) {
	var calls []string
	ldap := verifying{memstore.New(passbearer.User{ID: "u1", Name: "johndoe"}), func(name, password string) (bool, error) {
		calls = append(calls, name)
		return password == "bind", nil
	}}
	h := passbearer.NewTokenHandler(ldap, new(fakeIssuer), nil)
	for _, tt := range []struct {
		username, password string
		status             int
	}{
		{"JohnDoe", "bind", 200},
		{"johndoe", "secret", 400},
		{"janedoe", "bind", 400}, // bound, and unknown here
	} {
		status, _, _ := post(t, h, "username", tt.username, "password", tt.password)
		require.Equal(t, tt.status, status, tt.username)
	}
	require.Equal(t, []string{"johndoe", "johndoe", "janedoe"}, calls, "asked each time, by the canonical name")
	status, _, _ := post(t, h, "username", "johndoe", "password", strings.Repeat("p", 1025))
	require.Equal(t, 400, status)
	require.Len(t, calls, 3, "not asked about what cannot be a password")

	for _, err := range []error{errors.New("no connection"), errPanic} {
		ldap.verify = func(string, string) (bool, error) {
			if err == errPanic {
				panic("bind")
			}
			return true, err
		}
		h := passbearer.NewTokenHandler(ldap, new(fakeIssuer), nil)
		status, _, _ := post(t, h, "username", "johndoe", "password", "bind")
		require.Equal(t, err == errPanic, status == 500)
		require.Equal(t, err != errPanic, status == 503)
	}
}

func TestOwnGrants(t *testing.T) {
	answer, failure := &passbearer.Grant{}, error(nil)
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.Grants = map[string]passbearer.GrantFunc{"urn:example:otp": func(_ context.Context, req *passbearer.GrantRequest) (*passbearer.Grant, error) {
			require.Equal(t, "first-party", req.Client.ID)
			require.Equal(t, "123456", req.Param("otp"))
			require.Empty(t, req.Param("none"))
			require.Equal(t, "GrantRequest{…}", fmt.Sprintf("%+v", req))
			return answer, failure
		}}
	})
	ask := func() (int, map[string]any) {
		status, body, _ := post(t, e, "grant_type", "urn:example:otp", "otp", "123456")
		return status, body
	}
	signedIn := time.Unix(1_700_000_000, 0)
	answer = &passbearer.Grant{User: &passbearer.User{ID: "u7"}, Scope: "a", AuthTime: signedIn, ACR: "2", AMR: "pwd otp", JKT: "thumb", Extra: `{"tenant":"blue"}`}
	status, body := ask()
	require.Equal(t, 200, status)
	require.Equal(t, "a", body["scope"])
	c := e.issuer.last()
	require.Equal(t, "DPoP", body["token_type"])
	require.Equal(t, passbearer.Claims{ID: c.ID, Subject: "u7", ClientID: "first-party", Scope: "a", IssuedAt: c.IssuedAt, Expiry: c.Expiry, AuthTime: 1_700_000_000,
		ACR: "2", AMR: "pwd otp", Epoch: 1, Confirmation: passbearer.Confirmation{Method: "jkt", Thumbprint: "thumb"}, Extra: `{"tenant":"blue"}`}, c)

	for _, answer = range []*passbearer.Grant{nil, {}, {User: new(passbearer.User)}} {
		status, _ = ask()
		require.Equal(t, 503, status, "never a token for nobody")
	}
	failure = &passbearer.Error{StatusCode: 403, ErrorCode: "mfa_required", ErrorDescription: "Second factor", Extra: map[string]any{"mfa_token": "x"}}
	status, body = ask()
	require.Equal(t, 403, status)
	require.Equal(t, "mfa_required", body["error"])
	require.Equal(t, "x", body["mfa_token"])
}

func TestClaimsHook(t *testing.T) {
	var failure error
	change := func(*passbearer.Claims) {}
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.AccessTokenLifetime = 90*time.Second + 900*time.Millisecond
		o.Claims = func(_ context.Context, req *passbearer.GrantRequest, g *passbearer.Grant, c *passbearer.Claims) error {
			require.Equal(t, req.Client.ID, c.ClientID)
			c.Extra = `{"name":"` + g.User.Name + `"}`
			change(c)
			return failure
		}
	})
	_, body, _ := e.signIn(t)
	require.Equal(t, 90.0, body["expires_in"])
	require.Equal(t, `{"name":"johndoe"}`, e.issuer.last().Extra)
	change = func(c *passbearer.Claims) { c.Expiry, c.Scope = c.IssuedAt+60, "me" }
	_, body, _ = e.signIn(t)
	require.Equal(t, 60.0, body["expires_in"], "the answer says what the token says")
	require.Equal(t, "me", body["scope"])
	for _, change = range []func(*passbearer.Claims){
		func(c *passbearer.Claims) { c.Expiry = c.IssuedAt },
		func(c *passbearer.Claims) { c.Scope = "a  b" },
	} {
		status, _, _ := e.signIn(t)
		require.Equal(t, 503, status)
	}
	change = func(*passbearer.Claims) {}
	failure = errors.New("directory is down")
	status, _, _ := e.signIn(t)
	require.Equal(t, 503, status)
	failure = &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_target"}
	status, _, _ = e.signIn(t)
	require.Equal(t, 400, status)
}

func TestReplacedTokenDeny(t *testing.T) {
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.Deny = func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "own: "+passbearer.AsError(err).ErrorCode, http.StatusUnauthorized)
		}
	})
	w := serve(e, tokenRequest("username", "johndoe", "password", "wrong"))
	require.Equal(t, 401, w.Code)
	require.Equal(t, "own: invalid_grant\n", w.Body.String())
}

func TestReplacedAnswer(t *testing.T) {
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.Answer = func(w http.ResponseWriter, _ *http.Request, res *passbearer.TokenResponse) {
			require.Equal(t, "TokenResponse{…}", fmt.Sprintf("%+v", res))
			http.SetCookie(w, &http.Cookie{Name: "token", Value: res.AccessToken, MaxAge: int(res.ExpiresIn)})
			w.WriteHeader(204)
		}
	})
	w := serve(e, tokenRequest("username", "johndoe", "password", "secret"))
	require.Equal(t, 204, w.Code)
	require.Contains(t, w.Header().Values("Set-Cookie"), "token=at-1; Max-Age=900")
}

func TestClock(t *testing.T) {
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.Now = func() time.Time { return time.Unix(1_700_000_000, 999) }
	})
	_, body, _ := e.signIn(t)
	require.Equal(t, 900.0, body["expires_in"])
	c := e.issuer.last()
	require.Equal(t, []passbearer.NumericDate{1_700_000_000, 1_700_000_000, 1_700_000_900}, []passbearer.NumericDate{c.IssuedAt, c.AuthTime, c.Expiry})
}

func TestServeEndpoint(t *testing.T) {
	e := newEndpoint(t, nil)
	var answer any = map[string]bool{"active": false}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.ServeEndpoint(w, r, func(_ context.Context, req *passbearer.GrantRequest) (any, error) {
			if req.Param("token") == "" {
				return nil, io.ErrUnexpectedEOF
			}
			return answer, nil
		})
	})
	w := serve(h, tokenRequest("token", "x"))
	require.Equal(t, 200, w.Code)
	require.Equal(t, `{"active":false}`+"\n", w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, 503, serve(h, tokenRequest("other", "x")).Code)
	answer = func() {}
	require.Equal(t, 503, serve(h, tokenRequest("token", "x")).Code, "not JSON")
}

// TestAClientThatHangsUp is no outage.
func TestAClientThatHangsUp(t *testing.T) {
	e := newEndpoint(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := serve(e, tokenRequest("username", "johndoe", "password", "secret").WithContext(ctx))
	require.Equal(t, 503, w.Code, "nobody reads it")
	require.Equal(t, []passbearer.EventKind{passbearer.EventAbandoned}, e.events.kinds())
}

func TestTokenHandlerWiring(t *testing.T) {
	store, issuer := memstore.New(), new(fakeIssuer)
	grant := map[string]passbearer.GrantFunc{"x": nil}
	unnamed := map[string]passbearer.GrantFunc{"": func(context.Context, *passbearer.GrantRequest) (*passbearer.Grant, error) { return nil, nil }}
	for _, f := range []func(){
		func() { passbearer.NewTokenHandler(nil, issuer, nil) },
		func() { passbearer.NewTokenHandler(store, nil, nil) },
		func() { passbearer.NewTokenHandler(store, issuer, &passbearer.TokenHandlerOptions{Grants: grant}) },
		func() { passbearer.NewTokenHandler(store, issuer, &passbearer.TokenHandlerOptions{Grants: unnamed}) },
		func() {
			passbearer.NewTokenHandler(store, issuer, &passbearer.TokenHandlerOptions{AccessTokenLifetime: time.Millisecond})
		},
		func() {
			passbearer.NewTokenHandler(store, newTokens(), &passbearer.TokenHandlerOptions{AccessTokenLifetime: 48 * time.Hour})
		},
	} {
		require.Panics(t, f)
	}
	passbearer.NewTokenHandler(store, newTokens(), &passbearer.TokenHandlerOptions{AccessTokenLifetime: 24 * time.Hour})
	require.Equal(t, 400, serve(new(passbearer.TokenHandler), tokenRequest("username", "a", "password", "b")).Code, "a zero TokenHandler refuses all")
}

func TestSupported(t *testing.T) {
	plain := newEndpoint(t, nil)
	require.Equal(t, passbearer.Supported{GrantTypes: []string{"password"}}, plain.Supported())
	grant := func(context.Context, *passbearer.GrantRequest) (*passbearer.Grant, error) { return nil, nil }
	more := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.Grants = map[string]passbearer.GrantFunc{"otp": grant}
		o.Clients = memstore.New()
	})
	require.Equal(t, passbearer.Supported{GrantTypes: []string{"otp", "password"}, Clients: true}, more.Supported())
}

// TestAnswerTokenRequest: the body is what encoding/json makes of the response.
func TestAnswerTokenRequest(t *testing.T) {
	require.Equal(t, 6, reflect.TypeFor[passbearer.TokenResponse]().NumField(), "a new field has to be written, and tested here")
	for _, res := range []passbearer.TokenResponse{
		{},
		{AccessToken: "a.b-c_d", TokenType: "bearer", ExpiresIn: 900, Scope: "read write"},
		{AccessToken: strings.Repeat("t", 8192), TokenType: "DPoP", ExpiresIn: math.MaxInt64, RefreshToken: "r.1", Scope: "a"},
		{AccessToken: "\"\\\n\x00\x7f\xff<\u2028", TokenType: "<b>", ExpiresIn: -1, RefreshToken: "&", Scope: "é"},
	} {
		w := httptest.NewRecorder()
		passbearer.AnswerTokenRequest(w, nil, &res)
		want, err := json.Marshal(res)
		require.NoError(t, err)
		require.Equal(t, string(want)+"\n", w.Body.String())
	}
}

// TestAnswerIsCleared: a writer that keeps what it was given keeps no token, nor does the pool.
func TestAnswerIsCleared(t *testing.T) {
	w := &keeper{ResponseRecorder: httptest.NewRecorder()}
	passbearer.AnswerTokenRequest(w, nil, &passbearer.TokenResponse{AccessToken: "secret"})
	require.Contains(t, w.Body.String(), "secret")
	require.Equal(t, make([]byte, len(w.kept)), w.kept)
}

type keeper struct {
	*httptest.ResponseRecorder
	kept []byte
}

func (k *keeper) Write(p []byte) (int, error) {
	k.kept = p
	return k.ResponseRecorder.Write(p)
}
