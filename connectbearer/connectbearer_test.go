package connectbearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/connectbearer"
)

// verifier answers with err, or with claims, or panics.
type verifier struct {
	claims passbearer.Claims
	err    error
	panics string
}

func (v *verifier) VerifyToken(context.Context, string) (*passbearer.Claims, error) {
	if v.panics != "" {
		panic(v.panics)
	}
	return &v.claims, v.err
}

type silence struct{}

func (silence) Event(context.Context, passbearer.Event) {}

var refusals = []struct {
	name, authorization string
	verifier            verifier
	status              int
	connect, grpc       string // codes
	message             string
}{
	{"no token", "", verifier{}, 401, "unauthenticated", "16", "Not authenticated"},
	{"malformed", "Bearer a b", verifier{}, 401, "unauthenticated", "16", "Malformed bearer token"},
	{"invalid", "Bearer t", verifier{err: passbearer.ErrInvalidToken}, 401, "unauthenticated", "16", "Could not validate credentials"},
	{"scope missing", "Bearer t", verifier{claims: passbearer.Claims{Subject: "u1"}}, 403, "permission_denied", "7", "The token lacks a scope that this resource demands"},
	{"unavailable", "Bearer t", verifier{err: errors.New("secret cause")}, 503, "unavailable", "14", "Temporarily unavailable"},
	{"panic", "Bearer t", verifier{panics: "secret cause"}, 500, "internal", "13", "Internal server error"},
}

func refuse(t *testing.T, i int, contentType string) *httptest.ResponseRecorder {
	t.Helper()
	v := refusals[i].verifier
	guard := passbearer.NewGuard(&v, &passbearer.GuardOptions{Deny: connectbearer.Deny, Observer: silence{}})
	h := guard.Require("me").Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("admitted") }))
	r := httptest.NewRequest("POST", "/example.Users/Me", strings.NewReader("{}"))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", refusals[i].authorization)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.NotContains(t, w.Body.String(), "secret")
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, refusals[i].status == 503, w.Header().Get("Retry-After") == "1")
	require.Equal(t, refusals[i].status == 401 || refusals[i].status == 403, w.Header().Get("WWW-Authenticate") != "", "%v", w.Header())
	return w
}

// TestDeny: each refusal in each protocol, and to clients of none.
func TestDeny(t *testing.T) {
	for i, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			w := refuse(t, i, "application/json")
			var answer struct{ Code, Message string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.connect, answer.Code)
			require.Equal(t, tt.message, answer.Message)

			w = refuse(t, i, "application/grpc")
			trailer := w.Result().Trailer
			require.Equal(t, 200, w.Code)
			require.Equal(t, tt.grpc, trailer.Get("Grpc-Status"), "%v", w.Result())

			w = refuse(t, i, "application/grpc-web+proto")
			require.Equal(t, 200, w.Code)
			require.Equal(t, tt.grpc, w.Header().Get("Grpc-Status"))

			for _, media := range []string{"text/plain", "application/x-www-form-urlencoded"} {
				require.Contains(t, refuse(t, i, media).Body.String(), `{"detail":"`+tt.message+`"}`, media)
			}
		})
	}
}

// TestHeader: what a client of DPoP needs is there, and a 429 is none of the server's faults.
func TestHeader(t *testing.T) {
	e := &passbearer.Error{StatusCode: 429, ErrorDescription: "Slower", Scheme: "DPoP", RetryAfter: time.Minute,
		Header: http.Header{"Dpop-Nonce": {"n1"}, "Www-Authenticate": {"Bearer"}}}
	r := httptest.NewRequest("POST", "/example.Users/Me", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	connectbearer.Deny(w, r, e)
	require.Equal(t, 429, w.Code)
	require.JSONEq(t, `{"code":"resource_exhausted","message":"Slower"}`, w.Body.String())
	require.Equal(t, http.Header{"Dpop-Nonce": {"n1"}, "Www-Authenticate": {"DPoP", "Bearer"}, "Retry-After": {"60"},
		"Cache-Control": {"no-store"}, "Content-Type": {"application/json"}}, w.Header())
}

// TestGet: a browser's is no call, unless it says so.
func TestGet(t *testing.T) {
	for target, body := range map[string]string{
		"/items": `{"detail":"Not authenticated"}`,
		"/example.Users/Me?connect=v1&encoding=json&message=%7B%7D": `{"code":"unauthenticated","message":"Not authenticated"}`,
	} {
		w := httptest.NewRecorder()
		connectbearer.Deny(w, httptest.NewRequest("GET", target, nil), passbearer.ErrNoCredentials)
		require.Equal(t, 401, w.Code)
		require.JSONEq(t, body, w.Body.String())
	}
}
