package passbearer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// TestFastAPIFlavour beside examples/fastapi, where the answers that FastAPI
// gives are compared with recorded ones: these are those that it has no word for.
func TestFastAPIFlavour(t *testing.T) {
	deny := passbearer.FastAPI{}.Deny
	token := passbearer.FastAPI{}.DenyTokenRequest
	scopes := passbearer.FastAPI{SignInStatus: 400}.DenyTokenRequest
	busy := &passbearer.Error{StatusCode: 503, ErrorCode: "temporarily_unavailable", ErrorDescription: "Temporarily unavailable", RetryAfter: time.Second}
	for _, tt := range []struct {
		name      string
		deny      func(http.ResponseWriter, *http.Request, error)
		err       error
		status    int
		challenge string
		body      string
	}{
		{"no credentials", deny, passbearer.ErrNoCredentials, 401, "Bearer", `{"detail":"Not authenticated"}`},
		{"no credentials for a scope", deny, &passbearer.Error{StatusCode: 401, ErrorDescription: "Not authenticated", Scheme: "Bearer", Realm: "api", Scope: "me"}, 401, "Bearer", `{"detail":"Not authenticated"}`},
		{"bad token", deny, &passbearer.Error{StatusCode: 401, ErrorCode: "invalid_token", ErrorDescription: "Could not validate credentials", Scheme: "Bearer"}, 401, "Bearer", `{"detail":"Could not validate credentials"}`},
		{"bad token for a scope", deny, &passbearer.Error{StatusCode: 401, ErrorCode: "invalid_token", ErrorDescription: "Could not validate credentials", Scope: "me items"}, 401, `Bearer scope="me items"`, `{"detail":"Could not validate credentials"}`},
		{"malformed", deny, &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_request", ErrorDescription: "Bearer without a token", Scheme: "Bearer", Scope: "me"}, 401, `Bearer scope="me"`, `{"detail":"Could not validate credentials"}`},
		{"scope missing", deny, &passbearer.Error{StatusCode: 403, ErrorCode: "insufficient_scope", ErrorDescription: "x", Scheme: "Bearer", Scope: `a"b`}, 401, `Bearer scope="ab"`, `{"detail":"Not enough permissions"}`},
		{"own answer", deny, &passbearer.Error{StatusCode: 400, ErrorDescription: "Inactive user"}, 400, "", `{"detail":"Inactive user"}`},
		{"verifier down", deny, busy, 503, "", `{"detail":"Temporarily unavailable"}`},
		{"another error", deny, errors.New("secret"), 500, "", `{"detail":"Internal server error"}`},
		{"wrong password", token, &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_grant", ErrorDescription: "Incorrect username or password"}, 401, "Bearer", `{"detail":"Incorrect username or password"}`},
		{"wrong password, scopes", scopes, &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_grant", ErrorDescription: "Incorrect username or password"}, 400, "", `{"detail":"Incorrect username or password"}`},
		{"client refused", token, &passbearer.Error{StatusCode: 401, ErrorCode: "invalid_client", ErrorDescription: "x", Scheme: "Basic", Realm: "token"}, 401, `Basic realm="token"`, `{"detail":"x"}`},
		{"store down", token, busy, 503, "", `{"detail":"Temporarily unavailable"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			tt.deny(w, nil, tt.err)
			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.challenge, w.Header().Get("WWW-Authenticate"))
			require.Equal(t, tt.body+"\n", w.Body.String())
			require.Equal(t, tt.err == busy, w.Header().Get("Retry-After") == "1")
		})
	}
}

func TestFastAPIAnswer(t *testing.T) {
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		o.Answer, o.Deny = passbearer.FastAPI{}.AnswerTokenRequest, passbearer.FastAPI{}.DenyTokenRequest
	})
	w := serve(e, tokenRequest("username", "johndoe", "password", "secret"))
	require.Equal(t, `{"access_token":"at-1","token_type":"bearer"}`+"\n", w.Body.String())
	w = httptest.NewRecorder()
	passbearer.FastAPI{}.AnswerTokenRequest(w, nil, &passbearer.TokenResponse{AccessToken: "a", TokenType: "bearer", RefreshToken: "r", ExpiresIn: 900, Scope: "me"})
	require.Equal(t, `{"access_token":"a","token_type":"bearer","refresh_token":"r"}`+"\n", w.Body.String(), "no session that nobody can go on with")
	w = serve(e, httptest.NewRequest("GET", "/token", nil))
	require.Equal(t, 405, w.Code)
	require.Equal(t, "POST", w.Header().Get("Allow"))
	require.Equal(t, `{"detail":"Method Not Allowed"}`+"\n", w.Body.String())
}
