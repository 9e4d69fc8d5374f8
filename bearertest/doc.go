// Package bearertest has what the tests of an application need that takes bearer
// tokens: tokens for any user, a verifier that admits them, and assertions on the
// answer to a request that is refused.
//
// Where the application takes a [passbearer.TokenVerifier], its tests give it
// [Verifier] in the place of the real one, and need no sign-in:
//
//	func TestItems(t *testing.T) {
//		api := NewAPI(bearertest.Verifier())
//		r := httptest.NewRequest("GET", "/items/", nil)
//		w := httptest.NewRecorder()
//		api.ServeHTTP(w, bearertest.Authorize(r, bearertest.Token(t, "johndoe", "items:read")))
//		if w.Code != http.StatusOK {
//			t.Error(w.Code, w.Body)
//		}
//	}
//
// [WantChallenge] checks a refusal. Where a test moves the time, or needs tokens
// that are signed with another key, or the application issues tokens itself,
// [NewIssuer] makes an issuer of the test's own.
//
// Everything here is safe for tests that run in parallel, and works in the bubbles
// of testing/synctest. Keys live as long as the process and are never written.
// Out of scope are proofs of possession (package dpop) and conformance suites for
// stores (package storetest).
package bearertest
