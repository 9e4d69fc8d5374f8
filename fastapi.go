package passbearer

import (
	"encoding/json"
	"net/http"
)

// FastAPI answers as FastAPI's tutorial does, for front ends that were written
// against it: bodies have the member detail alone, and a token that lacks a scope
// is answered 401. Its methods go into the options:
//
//	flavour := passbearer.FastAPI{}
//	passbearer.GuardOptions{Deny: flavour.Deny}
//	passbearer.TokenHandlerOptions{Answer: flavour.AnswerTokenRequest, Deny: flavour.DenyTokenRequest}
//
// What [Deny] and [DenyTokenRequest] answer instead is what RFC 6750 and RFC
// 6749 say, and what OAuth clients understand.
type FastAPI struct {
	// SignInStatus answers a wrong name or password: 401 with a challenge, as
	// the tutorial's first pages do, or 400 without one, as its page on scopes
	// does. Zero means 401.
	SignInStatus int
}

// Deny is for [GuardOptions.Deny].
func (FastAPI) Deny(w http.ResponseWriter, _ *http.Request, err error) {
	e := *AsError(err)
	e.Scheme = "" // the challenge is made here
	switch e.ErrorCode {
	case codeInvalidRequest: // FastAPI takes whatever follows "Bearer" for a token
		e.StatusCode, e.ErrorDescription = http.StatusUnauthorized, "Could not validate credentials"
	case codeInsufficientScope:
		e.StatusCode, e.ErrorDescription = http.StatusUnauthorized, "Not enough permissions"
	}
	challenge := ""
	if e.StatusCode == http.StatusUnauthorized {
		challenge = "Bearer"
		if e.ErrorCode != "" && e.Scope != "" {
			challenge = `Bearer scope="` + quoteSafe(string(e.Scope)) + `"`
		}
	}
	writeFastAPI(w, e, challenge)
}

// DenyTokenRequest is for [TokenHandlerOptions.Deny].
func (f FastAPI) DenyTokenRequest(w http.ResponseWriter, _ *http.Request, err error) {
	e := *AsError(err)
	challenge := ""
	switch {
	case e.StatusCode == http.StatusMethodNotAllowed:
		e.ErrorDescription = "Method Not Allowed"
	case e.ErrorCode == codeInvalidGrant && f.SignInStatus != http.StatusBadRequest:
		e.StatusCode, challenge = http.StatusUnauthorized, "Bearer"
	}
	writeFastAPI(w, e, challenge)
}

// AnswerTokenRequest is for [TokenHandlerOptions.Answer].
func (FastAPI) AnswerTokenRequest(w http.ResponseWriter, _ *http.Request, res *TokenResponse) {
	body, err := json.Marshal(struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		RefreshToken string `json:"refresh_token,omitempty"` // the tutorial has none
	}{res.AccessToken, res.TokenType, res.RefreshToken})
	if err != nil {
		panic(err) // strings always encode
	}
	writeJSON(w, http.StatusOK, body)
}

func writeFastAPI(w http.ResponseWriter, e Error, challenge string) {
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeRefusal(w, &e, map[string]any{"detail": e.ErrorDescription})
}
