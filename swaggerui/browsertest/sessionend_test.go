package browsertest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/browser"
	"github.com/passbearer/passbearer/memstore"
)

// Whatever ends a session, the page says so, shows the dialog, and forgets it.
func TestSessionEnds(t *testing.T) {
	b := browser.Start(t)
	revoke := func(t *testing.T, r *rig) {
		status, body := post(t, r.url+"/token/revoke", url.Values{"token": {r.lastRefreshToken()}})
		require.Equal(t, http.StatusOK, status, body)
		r.requests()
	}
	nothing := func(*testing.T, *rig) {}
	flavour := passbearer.FastAPI{}
	for _, test := range []struct {
		name    string
		change  change
		end     func(*testing.T, *rig)
		browser time.Duration // how far its clock moves on, while the server's access tokens expire
		shown   string
		want    []string
	}{
		{"on the server", change{}, revoke, 2 * lifetime,
			"The session has ended: The refresh token is not valid. Sign in again.",
			[]string{"refresh_token 400", "GET /items/ 401"}},
		{"on the server, and the browser's clock stands still", change{}, revoke, 0,
			"The session has ended: The refresh token is not valid. Sign in again.",
			[]string{"GET /items/ 401", "refresh_token 400"}},
		{"on a server that answers as FastAPI does", change{
			token: func(o *passbearer.TokenHandlerOptions) {
				o.Answer, o.Deny = flavour.AnswerTokenRequest, flavour.DenyTokenRequest
			},
			guard: passbearer.GuardOptions{Deny: flavour.Deny},
		}, revoke, 2 * lifetime,
			"The session has ended: The refresh token is not valid. Sign in again.",
			[]string{"GET /items/ 401", "refresh_token 401"}},
		{"without refresh tokens", change{token: func(o *passbearer.TokenHandlerOptions) { o.Sessions = nil }}, nothing, 2 * lifetime,
			"The access token has expired. Sign in again.",
			[]string{"GET /items/ 401"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, test.change)
			v := visit(t, b, r.url+"/docs/", 400, 401)
			v.signIn()
			v.try(items)
			test.end(t, r)
			r.requests()
			v.advance(test.browser)
			r.advance.Add(int64(2 * lifetime))
			v.execute()
			v.WaitText(".modal-ux .errors", test.shown)
			v.waitInSight(".modal-ux .errors")
			require.True(t, v.shows("#oauth_username"), "who is signed out can sign in")
			v.waitStatus(items, 401)
			require.Equal(t, test.want, r.requests())

			v.Screenshot("session-ended")
			v.enter("johndoe", "secret")
			v.WaitText(".modal-ux h6", "Authorized")
			require.False(t, v.shows(".errors"), "the error is no more")
			v.closeDialog()
			v.execute()
			v.waitStatus(items, 200)
		})
	}
}

// A server that answers as FastAPI does says nothing of when a token expires.
func TestRefreshWithoutKnownExpiry(t *testing.T) {
	flavour := passbearer.FastAPI{}
	r := newRig(t, change{
		token: func(o *passbearer.TokenHandlerOptions) {
			o.Answer, o.Deny = flavour.AnswerTokenRequest, flavour.DenyTokenRequest
		},
		guard: passbearer.GuardOptions{Deny: flavour.Deny},
	})
	v := visit(t, browser.Start(t), r.url+"/docs/", 401)
	v.signIn()
	v.try(items)
	r.requests()
	r.advance.Add(int64(2 * lifetime))
	v.advance(2 * lifetime)
	v.execute()
	v.waitStatus(items, 200)
	require.Equal(t, []string{"GET /items/ 401", "refresh_token 200", "GET /items/ 200"}, r.requests())
}

// Who signs out while a refresh is under way stays signed out.
func TestSignOutDuringRefresh(t *testing.T) {
	r := newRig(t, change{})
	v := visit(t, browser.Start(t), r.url+"/docs/", 400, 401)
	v.signIn()
	v.try(items)
	first := r.lastRefreshToken()
	r.requests()

	refreshing, release := make(chan struct{}), make(chan struct{})
	r.answerTokens(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/token/revoke" {
			w.Write([]byte("{}"))
			return
		}
		close(refreshing)
		<-release
		w.Write([]byte(`{"access_token":"late","refresh_token":"late","expires_in":300}`))
	})
	v.advance(2 * lifetime)
	v.execute()
	<-refreshing
	v.signOut()
	r.waitFor(t, "POST /token/revoke 200")
	close(release)
	v.waitStatus(items, 401)
	require.Equal(t, []string{"refresh_token 200", "GET /items/ 401"}, r.requests())
	require.True(t, v.shows("#oauth_username"))
	requireNothingStored(t, v, first)
}

func TestSignOutThatTheServerDoesNotHear(t *testing.T) {
	r := newRig(t, change{})
	v := visit(t, browser.Start(t), r.url+"/docs/", 401, 503)
	v.signIn()
	v.try(items)
	r.answerTokens(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	v.signOut()
	v.WaitText(".modal-ux .errors", "Signed out here, but not on the server: status 503.")
	v.Screenshot("sign-out-unheard")
	v.closeDialog()
	v.execute()
	v.waitStatus(items, 401)
}

// A client authenticates for the refresh and the revocation as it did to sign in.
func TestClientCredentials(t *testing.T) {
	b := browser.Start(t)
	clients := memstore.New()
	require.NoError(t, clients.AddClient(t.Context(), passbearer.Client{ID: "docs", SecretHash: passbearer.ClientSecretHash("s3cret")}))
	for _, location := range []string{"basic", "request-body"} {
		t.Run(location, func(t *testing.T) {
			r := newRig(t, change{token: func(o *passbearer.TokenHandlerOptions) { o.Clients = clients }})
			v := visit(t, b, r.url+"/docs/", 401)
			v.openDialog()
			v.Type("#client_id_password", "docs")
			v.Type("#client_secret_password", "s3cret")
			v.choose("#password_type", location)
			v.enter("johndoe", "secret")
			v.WaitText(".modal-ux h6", "Authorized")
			v.closeDialog()
			v.try(items)
			v.advance(2 * lifetime)
			r.advance.Add(int64(2 * lifetime))
			v.execute()
			v.waitStatus(items, 200)
			v.signOut()
			r.waitFor(t, "password 200", "refresh_token 200", "GET /items/ 200", "POST /token/revoke 200")
		})
	}
}
