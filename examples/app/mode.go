package main

import (
	"net/http"

	"github.com/passbearer/passbearer"
)

// mode says where the page has its access token. The refresh token is in a cookie that no script
// can read, whatever the mode; so both survive a reload.
//
// In a cookie, the access token is out of reach of a script that finds its way into the page; such
// a script can still send requests while the page is open. What it costs is that the browser sends
// the token by itself, so that other sites' pages have to be kept out (see secure).
//
// In memory, a script can take the token away and use it elsewhere until it expires. What it gains
// is that no cookie opens the API. Pages of other hosts and command lines would need more: CORS, a token
// endpoint without ownOrigin, and the refresh token in its answer.
type mode struct {
	script  string                              // of static, for the page's side
	extract func(*http.Request) (string, error) // nil: from the Authorization header
	answer  func(http.ResponseWriter, *http.Request, *passbearer.TokenResponse)
}

var modes = map[string]mode{
	"cookie": {"cookie.js", accessToken, answerInCookie},
	"header": {"header.js", nil, answerInBody},
}

// accessToken is what the Guard asks in the place of the Authorization header.
func accessToken(r *http.Request) (string, error) {
	cookie, err := r.Cookie(accessCookie)
	if err != nil {
		return "", passbearer.ErrNoCredentials
	}
	return cookie.Value, nil
}

func answerInCookie(w http.ResponseWriter, _ *http.Request, res *passbearer.TokenResponse) {
	setCookie(w, accessCookie, res.AccessToken)
	setCookie(w, refreshCookie, res.RefreshToken)
	respond(w, http.StatusOK, map[string]any{"expires_in": res.ExpiresIn, "scope": res.Scope})
}

func answerInBody(w http.ResponseWriter, r *http.Request, res *passbearer.TokenResponse) {
	setCookie(w, refreshCookie, res.RefreshToken)
	res.RefreshToken = ""
	passbearer.AnswerTokenRequest(w, r, res)
}
