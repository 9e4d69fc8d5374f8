package browsertest

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/browser"
)

func TestSignInAndOut(t *testing.T) {
	b := browser.Start(t)
	for _, test := range []struct {
		name, prefix string
		mount        func(*testing.T, http.Handler) http.Handler
	}{
		{"at the root", "", nil},
		{"under a prefix", "/v1", func(_ *testing.T, h http.Handler) http.Handler {
			outer := http.NewServeMux()
			outer.Handle("/v1/", http.StripPrefix("/v1", h))
			return outer
		}},
		{"behind a proxy", "/x", func(t *testing.T, h http.Handler) http.Handler {
			target, err := url.Parse(serve(t, h))
			require.NoError(t, err)
			outer := http.NewServeMux()
			outer.Handle("/x/", http.StripPrefix("/x", httputil.NewSingleHostReverseProxy(target)))
			return outer
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, change{mount: test.mount})
			base := r.url + test.prefix
			v := visit(t, b, base+"/docs", 400, 401)
			require.Equal(t, base+"/docs/", browser.Value[string](v.Page, "location.href"))
			require.Equal(t, "Items", browser.Value[string](v.Page, "document.title"))
			v.Screenshot("page")

			v.openDialog()
			v.enter("johndoe", "wrong")
			v.WaitText(".modal-ux .errors", "Incorrect username or password")
			v.Screenshot("wrong-password")
			v.closeDialog()

			v.signIn()
			v.try(items)
			v.execute()
			v.waitStatus(items, 200)
			v.WaitText(items+" .live-responses-table", `"hello": "johndoe"`)
			v.Screenshot("signed-in")
			requireNothingStored(t, v, r.lastRefreshToken())

			v.signOut()
			v.Screenshot("signed-out")
			v.closeDialog()
			require.False(t, v.shows(".live-responses-table"), "an answer of before, and the token beside it")
			r.waitFor(t, "password 400", "password 200", "GET /items/ 200", "POST /token/revoke 200")
			v.execute()
			v.waitStatus(items, 401)
			status, body := post(t, base+"/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.lastRefreshToken()}})
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, body, "invalid_grant")
		})
	}
}

// requireNothingStored looks for what the page should forget.
func requireNothingStored(t *testing.T, v visitor, secrets ...string) {
	t.Helper()
	require.Equal(t, 0, browser.Value[int](v.Page, "localStorage.length + sessionStorage.length + document.cookie.length"))
	shown := browser.Value[string](v.Page, "document.documentElement.outerHTML")
	for _, secret := range secrets {
		require.NotEmpty(t, secret)
		require.NotContains(t, shown, secret)
	}
}

func TestRefresh(t *testing.T) {
	b := browser.Start(t)
	for _, test := range []struct {
		name            string
		browser, server time.Duration // how far the clocks move on
		want            []string
	}{
		{"not yet due", lifetime - time.Minute, lifetime - time.Minute, []string{"GET /items/ 200"}},
		{"before it expires", lifetime - 20*time.Second, lifetime - 20*time.Second, []string{"refresh_token 200", "GET /items/ 200"}},
		{"after it has expired", 2 * lifetime, 2 * lifetime, []string{"refresh_token 200", "GET /items/ 200"}},
		{"the browser's clock stands still", 0, 2 * lifetime, []string{"GET /items/ 401", "refresh_token 200", "GET /items/ 200"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, change{})
			v := visit(t, b, r.url+"/docs/", 401)
			v.signIn()
			first := r.lastRefreshToken()
			v.try(items)
			r.requests()
			for range 2 { // the second time with a rotated refresh token
				v.advance(test.browser)
				r.advance.Add(int64(test.server))
				v.execute()
				v.waitStatus(items, 200)
				require.Equal(t, test.want, r.requests())
				v.execute()
				v.waitStatus(items, 200)
				require.Equal(t, []string{"GET /items/ 200"}, r.requests(), "the new token is used")
				if len(test.want) == 1 {
					return
				}
				require.NotEqual(t, first, r.lastRefreshToken())
				requireNothingStored(t, v, first, r.lastRefreshToken())
			}
		})
	}
}

func TestTwoRequestsRefreshOnce(t *testing.T) {
	b := browser.Start(t)
	for _, test := range []struct {
		name    string
		browser time.Duration
		want    []string
	}{
		{"expired", 2 * lifetime, []string{"refresh_token 200", "GET /items/ 200", "GET /users/me 200"}},
		{"expired by the server's clock alone", 0, []string{"GET /items/ 401", "GET /users/me 401", "refresh_token 200", "GET /items/ 200", "GET /users/me 200"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, change{})
			v := visit(t, b, r.url+"/docs/", 401)
			v.signIn()
			v.try(items, me)
			r.requests()
			v.advance(test.browser)
			r.advance.Add(int64(2 * lifetime))
			v.execute()
			v.waitStatus(items, 200)
			v.waitStatus(me, 200)
			require.ElementsMatch(t, test.want, r.requests())
		})
	}
}

// A server that cannot answer now has not ended the session.
func TestRefreshFailsForNow(t *testing.T) {
	b := browser.Start(t)
	const later = `{"error":"temporarily_unavailable","error_description":"Try again later","detail":"Try again later"}`
	for _, test := range []struct {
		name   string
		status int // zero: the connection is cut
		body   string
		shown  string
	}{
		{"unavailable", 503, later, "Try again later"},
		{"too many requests", 429, later, "Try again later"},
		{"a proxy's page", 502, "<title>Bad Gateway</title>", "status 502"},
		{"a proxy's refusal", 400, "<title>Bad Request</title>", "status 400"},
		{"a refusal that says nothing", 400, "null", "status 400"},
		{"no answer", 0, "", "Failed to fetch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, change{})
			v := visit(t, b, r.url+"/docs/", 401, test.status)
			v.signIn()
			v.try(items)
			r.requests()
			r.answerTokens(func(w http.ResponseWriter, _ *http.Request) {
				if test.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			})
			v.advance(2 * lifetime)
			r.advance.Add(int64(2 * lifetime))
			v.execute()
			v.waitStatus(items, 401)
			v.WaitText(".errors-wrapper", "The session could not be refreshed: "+test.shown+". The next request tries again.")
			require.True(t, v.shows(".scheme-container .authorize.locked"))
			if test.status != 0 {
				require.Equal(t, []string{"refresh_token " + strconv.Itoa(test.status), "GET /items/ 401"}, r.requests(), "one try a request")
			}
			r.requests()
			r.answerTokens(nil)
			v.execute()
			v.waitStatus(items, 200)
			require.Equal(t, []string{"refresh_token 200", "GET /items/ 200"}, r.requests())
			require.False(t, v.shows(".errors-wrapper"), "the error is no more")
		})
	}
}
