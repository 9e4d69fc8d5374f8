package passbearer_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // tests read events, not logs
	os.Exit(m.Run())
}

// verifier knows tokens by their text.
type verifier map[string]func() (*passbearer.Claims, error)

func (v verifier) VerifyToken(_ context.Context, token string) (*passbearer.Claims, error) {
	if f, ok := v[token]; ok {
		return f()
	}
	return nil, passbearer.ErrInvalidToken
}

var johndoe = passbearer.Claims{Subject: "u1", Scope: "me items:read", ID: "jti-1", SessionID: "sid-1", ClientID: "app"}

var known = verifier{
	"good":   func() (*passbearer.Claims, error) { c := johndoe; return &c, nil },
	"shared": func() (*passbearer.Claims, error) { return &sharedClaims, nil },
	"bound": func() (*passbearer.Claims, error) {
		return &passbearer.Claims{Subject: "u1", Confirmation: passbearer.Confirmation{Method: "jkt", Thumbprint: "x"}}, nil
	},
	"down":    func() (*passbearer.Claims, error) { return nil, errors.New("secret cause: db-7 is down") },
	"nothing": func() (*passbearer.Claims, error) { return nil, nil },
	"panic":   func() (*passbearer.Claims, error) { panic("secret cause") },
	"abort":   func() (*passbearer.Claims, error) { panic(http.ErrAbortHandler) },
}

var sharedClaims = johndoe

// events is an Observer that remembers.
type events struct{ all []passbearer.Event }

func (e *events) Event(_ context.Context, ev passbearer.Event) { e.all = append(e.all, ev) }

func (e *events) kinds() (kinds []passbearer.EventKind) {
	for _, ev := range e.all {
		kinds = append(kinds, ev.Kind)
	}
	return kinds
}

func request(authorization ...string) *http.Request {
	r := httptest.NewRequest("GET", "/items/", nil)
	if len(authorization) > 0 {
		r.Header["Authorization"] = authorization
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var extraction = []struct {
	name          string
	authorization []string
	query         string
	token         string
	status        int
}{
	{"no header", nil, "", "", 401},
	{"empty", []string{""}, "", "", 401},
	{"blank", []string{"  "}, "", "", 401},
	{"Basic", []string{"Basic dXNlcjpwYXNz"}, "", "", 401},
	{"Digest", []string{`Digest username="a"`}, "", "", 401},
	{"no scheme", []string{"abc.def.ghi"}, "", "", 401},
	{"longer scheme", []string{"Bearerish abc"}, "", "", 401},
	{"shorter scheme", []string{"Bear abc"}, "", "", 401},
	{"no token", []string{"Bearer"}, "", "", 400},
	{"blank token", []string{"Bearer  "}, "", "", 400},
	{"tab", []string{"Bearer\tabc"}, "", "", 400},
	{"comma", []string{"Bearer,abc"}, "", "", 400},
	{"two tokens", []string{"Bearer abc def"}, "", "", 400},
	{"a list", []string{"Bearer abc, Bearer abc"}, "", "", 400},
	{"quoted", []string{`Bearer "abc"`}, "", "", 400},
	{"padding alone", []string{"Bearer =="}, "", "", 400},
	{"padding inside", []string{"Bearer a=b"}, "", "", 400},
	{"NUL", []string{"Bearer abc\x00def"}, "", "", 400},
	{"not ASCII", []string{"Bearer abcé"}, "", "", 400},
	{"percent", []string{"Bearer a%20b"}, "", "", 400},
	{"two headers", []string{"Bearer abc", "Bearer abc"}, "", "", 400},
	{"two headers, one Basic", []string{"Basic dTpw", "Bearer abc"}, "", "", 400},
	{"header and query", []string{"Bearer abc"}, "a=b&access_token=abc", "", 400},
	{"header and escaped query", []string{"Bearer abc"}, "%61ccess_token", "", 400},
	{"query alone", nil, "access_token=abc", "", 401},
	{"other query", []string{"Bearer abc"}, "access=1&%zz", "abc", 0},
	{"usual", []string{"Bearer abc"}, "", "abc", 0},
	{"upper case", []string{"BEARER abc"}, "", "abc", 0},
	{"lower case", []string{"bearer abc"}, "", "abc", 0},
	{"spaces", []string{"Bearer   abc  "}, "", "abc", 0},
	{"whole alphabet", []string{"Bearer aZ09-._~+/=="}, "", "aZ09-._~+/==", 0},
}

func TestBearerToken(t *testing.T) {
	for _, tt := range extraction {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.authorization...)
			r.URL.RawQuery = tt.query
			token, err := passbearer.BearerToken(r)
			require.Equal(t, tt.token, token)
			if tt.status == 0 {
				require.NoError(t, err)
				return
			}
			var e *passbearer.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.status, e.StatusCode)
			require.Equal(t, tt.status == 401, errors.Is(err, passbearer.ErrNoCredentials))
			w := httptest.NewRecorder()
			passbearer.Deny(w, r, err)
			if tt.status == 401 {
				require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
				require.JSONEq(t, `{"detail":"Not authenticated"}`, w.Body.String())
			} else {
				require.Contains(t, w.Header().Get("WWW-Authenticate"), `Bearer error="invalid_request"`)
			}
		})
	}
}

// TestGuardLooksAtTheFormOnce: a verifier that refuses malformed tokens itself changes no answer.
func TestGuardLooksAtTheFormOnce(t *testing.T) {
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://issuer.example", "https://api.example", nil)
	require.NoError(t, err)
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	for name, v := range map[string]passbearer.TokenVerifier{"usual": known, "jwttoken": tokens, "revocations": revocations.Verifier(tokens)} {
		h := passbearer.NewGuard(v, nil).Handler(http.NotFoundHandler())
		for _, tt := range extraction {
			r := request(tt.authorization...)
			r.URL.RawQuery = tt.query
			w := serve(h, r)
			status, challenge := tt.status, `Bearer realm="api"`
			switch status {
			case 0:
				status, challenge = 401, challenge+`, error="invalid_token"`
			case 400:
				challenge += `, error="invalid_request"`
			}
			require.Equal(t, status, w.Code, "%s, %s", name, tt.name)
			require.Contains(t, w.Header().Get("WWW-Authenticate"), challenge, "%s, %s", name, tt.name)
		}
	}
}

// embedding takes API keys besides. That what it embeds refuses malformed tokens says
// nothing of it.
type embedding struct{ *jwttoken.Tokens }

func (e embedding) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	if strings.HasPrefix(token, "key ") {
		return &johndoe, nil
	}
	return e.Tokens.VerifyToken(ctx, token)
}

func TestEmbeddedVerifier(t *testing.T) {
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://issuer.example", "https://api.example", nil)
	require.NoError(t, err)
	h := passbearer.NewGuard(embedding{tokens}, nil).Handler(http.NotFoundHandler())
	require.Equal(t, 400, serve(h, request(`Bearer key a"b`)).Code)
}

// TestRefusalIsOnesOwn: what is done to an answer does not show in the next.
func TestRefusalIsOnesOwn(t *testing.T) {
	h := passbearer.NewGuard(known, &passbearer.GuardOptions{Realm: "r"}).Handler(http.NotFoundHandler())
	first := serve(h, request("Bearer bad"))
	want := first.Result().Header.Clone()
	require.Equal(t, `Bearer realm="r", error="invalid_token", error_description="Could not validate credentials"`, want.Get("WWW-Authenticate"))
	first.Header().Add("Cache-Control", "added")
	first.Header().Add("Content-Type", "added")
	require.Equal(t, want["Www-Authenticate"], first.Header()["Www-Authenticate"])
	require.Equal(t, []string{"no-store", "added"}, first.Header()["Cache-Control"])
	for _, values := range first.Header() {
		values[0] = "changed"
	}
	second := serve(h, request("Bearer bad"))
	require.Equal(t, want, second.Header())
	require.JSONEq(t, `{"detail":"Could not validate credentials"}`, second.Body.String())
}

// TestApplicationsErrors: an *Error of the application is answered as it is, and stays as it is.
func TestApplicationsErrors(t *testing.T) {
	for _, e := range []passbearer.Error{
		{StatusCode: 401},
		{StatusCode: 401, ErrorCode: "invalid_token", ErrorDescription: "Could not validate credentials", Scheme: "Bearer", Realm: "own"},
		{StatusCode: 401, ErrorCode: "invalid_token", ErrorDescription: "Another text", Scheme: "Bearer"},
		{StatusCode: 401, ErrorCode: "invalid_token", ErrorDescription: "Could not validate credentials", Extra: map[string]any{"a": 1}},
	} {
		shared := e
		h := passbearer.NewGuard(known, &passbearer.GuardOptions{Extract: func(*http.Request) (string, error) { return "", &shared }}).Handler(http.NotFoundHandler())
		w := serve(h, request())
		require.Equal(t, e, shared)
		e.Scheme = "Bearer"
		e.Realm = cmp.Or(e.Realm, "api")
		want := httptest.NewRecorder()
		passbearer.Deny(want, nil, &e)
		require.Equal(t, want.Header(), w.Header())
		require.Equal(t, want.Body.String(), w.Body.String())
	}
}

func TestGuardAnswers(t *testing.T) {
	const invalid = `Bearer realm="api", error="invalid_token", error_description="Could not validate credentials"`
	tests := []struct {
		name, authorization string
		status              int
		challenge, body     string
		events              []passbearer.EventKind
	}{
		{"no credentials", "", 401, `Bearer realm="api"`, `{"detail":"Not authenticated"}`, nil},
		{"another scheme", "Basic Og==", 401, `Bearer realm="api"`, `{"detail":"Not authenticated"}`, nil},
		{"malformed", "Bearer", 400, `Bearer realm="api", error="invalid_request", error_description="Bearer without a token"`, `{"detail":"Bearer without a token"}`, nil},
		{"bad token", "Bearer bad", 401, invalid, `{"detail":"Could not validate credentials"}`, []passbearer.EventKind{passbearer.EventTokenRefused}},
		{"bound token", "Bearer bound", 401, invalid, `{"detail":"Could not validate credentials"}`, []passbearer.EventKind{passbearer.EventTokenRefused}},
		{"verifier down", "Bearer down", 503, "", `{"detail":"Temporarily unavailable"}`, []passbearer.EventKind{passbearer.EventUnavailable}},
		{"no answer", "Bearer nothing", 503, "", `{"detail":"Temporarily unavailable"}`, []passbearer.EventKind{passbearer.EventUnavailable}},
		{"panic", "Bearer panic", 500, "", `{"detail":"Internal server error"}`, []passbearer.EventKind{passbearer.EventPanic}},
		{"good", "Bearer good", 204, "", "", nil},
	}
	for _, way := range []struct{ optional, admits bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		optional, admits := way.optional, way.admits
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				seen := new(events)
				guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Observer: seen, Optional: optional})
				called := 0
				inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					called++
					_, ok := passbearer.FromContext(r.Context())
					require.Equal(t, tt.status == 204, ok)
					w.WriteHeader(204)
				})
				h := guard.Handler(inner)
				if admits {
					h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r = guard.Admit(w, r); r != nil {
							inner.ServeHTTP(w, r)
						}
					})
				}
				r := request(tt.authorization)
				r.Body = io.NopCloser(iotestReader{t})
				w := serve(h, r)
				if optional && !strings.HasPrefix(tt.authorization, "Bearer") {
					require.Equal(t, 204, w.Code)
					return
				}
				require.Equal(t, tt.status, w.Code)
				require.Equal(t, tt.challenge, w.Header().Get("WWW-Authenticate"))
				require.Equal(t, tt.events, seen.kinds())
				require.Equal(t, tt.status == 204, called == 1)
				if tt.status != 204 {
					require.Equal(t, tt.body+"\n", w.Body.String())
					require.Equal(t, "application/json", w.Header().Get("Content-Type"))
					require.NotContains(t, w.Body.String(), "secret cause")
				}
				require.Equal(t, tt.status == 503, w.Header().Get("Retry-After") == "1")
			})
		}
	}
}

// iotestReader fails the test when the body is read.
type iotestReader struct{ t *testing.T }

func (b iotestReader) Read([]byte) (int, error) { b.t.Error("the body was read"); return 0, io.EOF }

func TestZeroGuardDenies(t *testing.T) {
	var guard passbearer.Guard
	h := guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("admitted") }))
	require.Equal(t, 401, serve(h, request()).Code)
	require.Equal(t, 503, serve(h, request("Bearer good")).Code)
	c, err := guard.Check(request("Bearer good"))
	require.Nil(t, c)
	require.Error(t, err)
}

func TestRequire(t *testing.T) {
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Realm: "shop", Optional: true})
	ok := func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) { io.WriteString(w, c.Subject) }

	read := guard.Require("items:read").HandlerFunc(ok)
	require.Equal(t, "u1", serve(read, request("Bearer good")).Body.String())
	require.Equal(t, 401, serve(read, request()).Code, "a scope demands a token")

	both := guard.Require("items:read").Require("items:write", "items:read").HandlerFunc(ok)
	w := serve(both, request("Bearer good"))
	require.Equal(t, 403, w.Code)
	require.Equal(t, `Bearer realm="shop", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="items:read items:write"`, w.Header().Get("WWW-Authenticate"))
	require.JSONEq(t, `{"detail":"The token lacks a scope that this resource demands"}`, w.Body.String())
	type demander interface{ Demand() passbearer.Demand }
	require.Equal(t, passbearer.Demand{Scope: "items:read items:write"}, both.(demander).Demand())
	require.Equal(t, passbearer.Demand{Scope: "items:read"}, read.(demander).Demand(), "the laxer guard is not changed")
	require.Equal(t, passbearer.Demand{Optional: true}, guard.Handler(http.NotFoundHandler()).(demander).Demand())
}

func TestDescribedScopes(t *testing.T) {
	scopes := map[string]string{"items:read": "Read the items", "me": ""}
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Scopes: scopes})
	clear(scopes)
	h := guard.Require("me").Handler(http.NotFoundHandler())
	require.Equal(t, passbearer.Demand{Scope: "me", Scopes: map[string]string{"items:read": "Read the items", "me": ""}},
		h.(interface{ Demand() passbearer.Demand }).Demand())
	require.PanicsWithValue(t, `passbearer: Require("items:raed"): GuardOptions.Scopes does not have this scope: correct the one or add it to the other`,
		func() { guard.Require("items:raed") })
	require.Panics(t, func() {
		passbearer.NewGuard(known, &passbearer.GuardOptions{Scopes: map[string]string{"a b": "two"}})
	})
}

func TestCheck(t *testing.T) {
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Optional: true})
	c, err := guard.Check(request("Bearer good"))
	require.NoError(t, err)
	require.Equal(t, johndoe, *c)

	c, err = guard.Check(request())
	require.NoError(t, err)
	require.Nil(t, c)

	_, err = guard.Check(request("Bearer down"))
	var e *passbearer.Error
	require.ErrorAs(t, err, &e)
	require.ErrorContains(t, e.Cause, "db-7")
}

// TestNestedGuards: the inner one decides who the request is from.
func TestNestedGuards(t *testing.T) {
	cookie := passbearer.NewGuard(known, &passbearer.GuardOptions{Optional: true, Extract: func(r *http.Request) (string, error) {
		return r.Header.Get("X-Cookie"), nil
	}})
	h := passbearer.NewGuard(known, nil).Handler(cookie.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := passbearer.FromContext(r.Context())
		require.Equal(t, r.Header.Get("X-Cookie") != "", ok)
		require.Equal(t, ok, c != nil)
		w.WriteHeader(204)
	})))
	r := request("Bearer good")
	require.Equal(t, 204, serve(h, r).Code)
	r.Header.Set("X-Cookie", "good")
	require.Equal(t, 204, serve(h, r).Code)
}

// TestNo401WithoutAChallenge (RFC 9110 §15.5.2), whoever made the error.
func TestNo401WithoutAChallenge(t *testing.T) {
	guard := passbearer.NewGuard(known, nil).Require("me")
	h := guard.HandlerFunc(passbearer.WithUser(
		func(context.Context, *passbearer.Claims) (int, error) {
			return 0, &passbearer.Error{StatusCode: 401, ErrorCode: "insufficient_user_authentication", Scope: "other"}
		},
		func(http.ResponseWriter, *http.Request, int) {}))
	w := serve(h, request("Bearer good"))
	require.Equal(t, 401, w.Code)
	require.Equal(t, `Bearer realm="api", error="insufficient_user_authentication"`, w.Header().Get("WWW-Authenticate"))
}

func TestClaimsAreACopy(t *testing.T) {
	guard := passbearer.NewGuard(known, nil)
	h := guard.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		c.Subject = "changed"
		again, _ := passbearer.FromContext(r.Context())
		require.Equal(t, "changed", again.Subject, "one copy for each request")
	})
	serve(h, request("Bearer shared"))
	require.Equal(t, "u1", sharedClaims.Subject)
	_, ok := passbearer.FromContext(context.Background())
	require.False(t, ok)
}

func TestExtract(t *testing.T) {
	answer := func(token string, err error) int {
		guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Extract: func(*http.Request) (string, error) {
			if token == "panic" {
				panic("broken extractor")
			}
			return token, err
		}})
		return serve(guard.Handler(http.NotFoundHandler()), request()).Code
	}
	require.Equal(t, 404, answer("good", nil))
	require.Equal(t, 401, answer("", nil))
	require.Equal(t, 401, answer("", passbearer.ErrNoCredentials))
	require.Equal(t, 400, answer("", errors.New("two cookies")))
	require.Equal(t, 418, answer("", &passbearer.Error{StatusCode: 418}))
	require.Equal(t, 400, answer("", &passbearer.Error{ErrorDescription: "no status"}), "net/http would panic")
	require.Equal(t, 500, answer("panic", nil))
}

func TestReplacedDeny(t *testing.T) {
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Deny: func(w http.ResponseWriter, r *http.Request, err error) {
		e := passbearer.AsError(err)
		w.Header().Set("WWW-Authenticate", e.Challenge())
		http.Error(w, "no: "+string(e.Scope), e.StatusCode)
	}})
	w := serve(guard.Require("me").Handler(http.NotFoundHandler()), request())
	require.Equal(t, "no: me\n", w.Body.String())
	require.Equal(t, `Bearer realm="api"`, w.Header().Get("WWW-Authenticate"))
}

func TestWithUser(t *testing.T) {
	type user struct{ name string }
	tests := []struct {
		name   string
		err    error
		status int
		kind   passbearer.EventKind
	}{
		{"found", nil, 200, ""},
		{"unknown", passbearer.ErrUserNotFound, 401, passbearer.EventTokenRefused},
		{"disabled", passbearer.ErrUserDisabled, 401, passbearer.EventTokenRefused},
		{"load failed", errors.New("db"), 503, passbearer.EventUnavailable},
		{"own answer", &passbearer.Error{StatusCode: 402, ErrorDescription: "Pay first"}, 402, ""},
		{"panic", errPanic, 500, passbearer.EventPanic},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := new(events)
			guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Realm: "shop", Observer: seen})
			h := guard.HandlerFunc(passbearer.WithUser(
				func(_ context.Context, c *passbearer.Claims) (*user, error) {
					if tt.err == errPanic {
						panic("load")
					}
					return &user{c.Subject}, tt.err
				},
				func(w http.ResponseWriter, _ *http.Request, u *user) { io.WriteString(w, u.name) }))
			w := serve(h, request("Bearer good"))
			require.Equal(t, tt.status, w.Code)
			switch {
			case tt.status == 200:
				require.Equal(t, "u1", w.Body.String())
			case tt.status == 401:
				require.Contains(t, w.Header().Get("WWW-Authenticate"), `Bearer realm="shop", error="invalid_token"`)
			}
			if tt.kind != "" {
				require.Equal(t, []passbearer.EventKind{tt.kind}, seen.kinds())
				require.Equal(t, "u1", seen.all[0].UserID)
				require.Equal(t, "jti-1", seen.all[0].TokenID)
			}
		})
	}
}

var errPanic = errors.New("panic")

// TestAClientThatHangsUpOnAGuard is no outage, and is counted all the same: a
// store that hangs makes its clients hang up.
func TestAClientThatHangsUpOnAGuard(t *testing.T) {
	seen := new(events)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{Observer: seen})
	w := serve(guard.Handler(http.NotFoundHandler()), request("Bearer down").WithContext(ctx))
	require.Equal(t, 503, w.Code)
	require.Equal(t, []passbearer.EventKind{passbearer.EventAbandoned}, seen.kinds())
}

func TestPanicsOfTheHandlerAreItsOwn(t *testing.T) {
	guard := passbearer.NewGuard(known, nil)
	h := guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("mine") }))
	require.PanicsWithValue(t, "mine", func() { serve(h, request("Bearer good")) })
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { serve(h, request("Bearer abort")) })
}

func TestWrongWiringPanics(t *testing.T) {
	guard := passbearer.NewGuard(known, nil)
	nop := func(http.ResponseWriter, *http.Request, *passbearer.Claims) {}
	require.Panics(t, func() { passbearer.NewGuard(nil, nil) })
	require.Panics(t, func() { passbearer.NewGuard(known, &passbearer.GuardOptions{Realm: `a"b`}) })
	require.Panics(t, func() { guard.Require("a b") })
	require.Panics(t, func() { guard.Require("") })
	require.Panics(t, func() { guard.Handler(nil) })
	require.Panics(t, func() { guard.HandlerFunc(nil) })
	require.Panics(t, func() { passbearer.WithUser[int](nil, nil) })
	optional := passbearer.NewGuard(known, &passbearer.GuardOptions{Optional: true})
	require.PanicsWithValue(t, "passbearer: HandlerFunc on an Optional Guard: use Handler and FromContext", func() { optional.HandlerFunc(nop) })
}

func TestAdmittingAllocatesTwice(t *testing.T) {
	guard := passbearer.NewGuard(known, nil)
	h := guard.Require("me").HandlerFunc(func(http.ResponseWriter, *http.Request, *passbearer.Claims) {})
	r, w := request("Bearer shared"), httptest.NewRecorder()
	got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
	require.LessOrEqual(t, got, 2.0, "one context node and one request copy")
}

func FuzzBearerToken(f *testing.F) {
	for _, tt := range extraction {
		f.Add(strings.Join(tt.authorization, ""))
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := passbearer.BearerToken(request(header))
		if err != nil {
			return
		}
		again, err := passbearer.BearerToken(request("Bearer " + token))
		if err != nil || again != token {
			t.Errorf("%q gives %q, which gives %q, %v", header, token, again, err)
		}
	})
}
