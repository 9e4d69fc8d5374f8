package bearertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
)

// t is a test's own, here one that prints.
var t testing.TB = printer{}

type printer struct{ testing.TB }

func (printer) Helper()                           {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// NewAPI is the application.
func NewAPI(verifier passbearer.TokenVerifier) http.Handler {
	guard := passbearer.NewGuard(verifier, nil).Require("items:read")
	return guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
		fmt.Fprintf(w, "Hello, user %s", c.Subject)
	})
}

// get is what most tests of an API have already.
func get(api http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/items/", nil)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, bearertest.Authorize(r, token))
	return w
}

func Example() {
	api := NewAPI(bearertest.Verifier())

	fmt.Println(get(api, bearertest.Token(t, "johndoe", "items:read")).Body)

	w := get(api, bearertest.Token(t, "johndoe", "items:write"))
	bearertest.WantChallenge(t, w.Result(), 403, `Bearer error="insufficient_scope", scope="items:read"`)

	w = get(api, bearertest.Token(t, "johndoe", "items:read", bearertest.Expired))
	bearertest.WantChallenge(t, w.Result(), 401, `Bearer error="invalid_token"`)

	w = get(api, bearertest.NewIssuer().Token(t, "johndoe", "items:read")) // signed with another key
	bearertest.WantChallenge(t, w.Result(), 401, `Bearer error="invalid_token"`)
	// Output: Hello, user johndoe
}

// The claims that the application reads are put in by an edit.
func ExampleToken() {
	guard := passbearer.NewGuard(bearertest.Verifier(), nil).RequireACR("urn:example:2fa")
	api := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
		extra, _ := passbearer.ExtraClaims[struct{ Tenant string }](c)
		fmt.Fprintf(w, "%s pays for %s", c.Subject, extra.Tenant)
	})
	token := bearertest.Token(t, "johndoe", "", func(c *passbearer.Claims) {
		c.ACR = "urn:example:2fa"
		c.Extra = `{"tenant":"blue"}`
	})
	fmt.Println(get(api, token).Body)
	// Output: johndoe pays for blue
}

// A test that moves the time has an issuer of its own.
func ExampleIssuer() {
	issuer := bearertest.NewIssuer()
	api := NewAPI(issuer)
	token := issuer.Token(t, "johndoe", "items:read")
	fmt.Println(get(api, token).Code)
	issuer.Clock.Advance(15 * time.Minute)
	fmt.Println(get(api, token).Code)
	// Output:
	// 200
	// 401
}

// What a test prints that fails.
func ExampleWantChallenge() {
	w := get(NewAPI(bearertest.Verifier()), bearertest.Token(t, "johndoe", ""))
	bearertest.WantChallenge(t, w.Result(), 403, `Bearer error="insufficient_scope", scope="items:write"`)
	// Output:
	// the challenge's scope is "items:read" and not "items:write"
	// want: 403, Bearer error="insufficient_scope", scope="items:write"
	// got:  403, Bearer realm="api", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="items:read"
	// body: {"detail":"The token lacks a scope that this resource demands"}
}

// A test that looks for a text passes though the challenge is broken: there is a
// comma too few here, and no client finds the error.
func ExampleWantChallenge_incorrect() {
	w := httptest.NewRecorder()
	w.Header().Set("WWW-Authenticate", `Bearer realm="api" error="invalid_token"`)
	w.WriteHeader(http.StatusUnauthorized)
	bearertest.WantChallenge(t, w.Result(), 401, `Bearer error="invalid_token"`)
	// Output:
	// bearertest: WWW-Authenticate: Bearer realm="api" error="invalid_token": a comma is missing before "error=\"invalid_token\""
	// want: 401, Bearer error="invalid_token"
	// got:  401, Bearer realm="api" error="invalid_token"
}
