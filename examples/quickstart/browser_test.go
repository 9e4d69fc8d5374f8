package main_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/browser"
)

// TestBrowser is the tutorial's visit: open the docs page, sign in, call an
// endpoint. And what the tutorial has not: the token is refreshed, and
// signing out ends it.
func TestBrowser(t *testing.T) {
	const (
		items  = "#operations-items-get_items"
		status = items + " .live-responses-table .response-col_status"
	)
	s := start(t)
	p := browser.Start(t).Open(t, s.url+"/docs", http.StatusBadRequest, http.StatusUnauthorized)
	p.WaitText(".title", "Quickstart")
	p.Click(items + " .opblock-summary-control")
	p.Click(items + " .try-out__btn")

	p.Click(".scheme-container .authorize")
	p.Type("#oauth_username", "johndoe")
	p.Type("#oauth_password", "wrong")
	p.Click(".modal-ux .authorize")
	p.WaitText(".modal-ux .errors", "Incorrect username or password")
	p.Eval("document.querySelector('#oauth_password').select()") // what is typed replaces it
	p.Type("#oauth_password", "secret")
	p.Click(".modal-ux .authorize")
	p.WaitText(".modal-ux h6", "Authorized")
	p.Screenshot("quickstart-signed-in")
	p.Click(".modal-ux .btn-done")
	p.Click(items + " .execute")
	p.WaitText(status, "200")
	p.WaitText(items+" .live-responses-table", "Plumbus")
	first := bearer(t, p)
	s.requireItems(t, first)

	p.Eval("(() => { const now = Date.now; Date.now = () => now() + 3_600_000; })()") // in an hour
	p.Click(items + " .btn-clear")
	p.Click(items + " .execute")
	p.WaitText(status, "200")
	second := bearer(t, p)
	requireDistinct(t, first, second)
	p.Screenshot("quickstart-items")

	p.Click(".scheme-container .authorize")
	p.Click(".modal-ux .authorize") // it says Logout now
	p.Wait("document.querySelector('#oauth_username')")
	p.Click(".modal-ux .btn-done")
	p.Click(items + " .execute")
	p.WaitText(status, "401")
	require.Eventually(t, func() bool { return s.do(t, "GET /items/", second, "").status == http.StatusUnauthorized },
		patience, 10*time.Millisecond, "the session is not over on the server")
}

// bearer is the access token in the command that the page shows.
func bearer(t *testing.T, p *browser.Page) string {
	t.Helper()
	shown := browser.Value[string](p, "document.querySelector('.curl-command').innerText")
	found := regexp.MustCompile(`Bearer ([\w.-]+)'`).FindStringSubmatch(shown)
	require.NotNil(t, found, shown)
	return found[1]
}
