package passbearer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
)

func TestErrorText(t *testing.T) {
	cause := errors.New("db is down")
	e := &passbearer.Error{ErrorCode: "server_error", ErrorDescription: "Broken", Cause: cause}
	require.EqualError(t, e, "passbearer: server_error: Broken: db is down")
	require.ErrorIs(t, e, cause)
	require.EqualError(t, &passbearer.Error{ErrorDescription: "Broken"}, "passbearer: Broken")
}

func TestChallengeCannotBeBroken(t *testing.T) {
	e := &passbearer.Error{Scheme: "Bearer", Realm: "a\"b\\c\r\nd\x7fé", ErrorCode: "x"}
	require.Equal(t, `Bearer realm="abcd", error="x"`, e.Challenge())
	require.Equal(t, `Basic realm="token"`, (&passbearer.Error{Scheme: "Basic", Realm: "token", ErrorCode: "invalid_client", ErrorDescription: "x"}).Challenge())
	require.Empty(t, (&passbearer.Error{}).Challenge())
}

func TestDenyTokenRequest(t *testing.T) {
	w := httptest.NewRecorder()
	passbearer.DenyTokenRequest(w, nil, &passbearer.Error{
		StatusCode: 400, ErrorCode: "mfa_required", ErrorDescription: "Second factor",
		RetryAfter: 1500 * time.Millisecond,
		Extra:      map[string]any{"mfa_token": "x", "detail": "not replaced"},
	})
	require.Equal(t, 400, w.Code)
	require.JSONEq(t, `{"detail":"Second factor","error":"mfa_required","error_description":"Second factor","mfa_token":"x"}`, w.Body.String())
	require.Equal(t, "2", w.Header().Get("Retry-After"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))

	w = httptest.NewRecorder()
	passbearer.DenyTokenRequest(w, nil, errors.New("secret"))
	require.Equal(t, 500, w.Code)
	require.NotContains(t, w.Body.String(), "secret")

	w = httptest.NewRecorder()
	passbearer.DenyTokenRequest(w, nil, fmt.Errorf("verify: %w", password.ErrPepper))
	require.Equal(t, 503, w.Code)

	w = httptest.NewRecorder()
	passbearer.Deny(w, nil, &passbearer.Error{StatusCode: 400, Extra: map[string]any{"f": func() {}}})
	require.Equal(t, 400, w.Code)
	require.JSONEq(t, `{"detail":"Internal server error"}`, w.Body.String())
}

func TestErrorsDoNotPrintExtra(t *testing.T) {
	e := &passbearer.Error{ErrorDescription: "Second factor", Extra: map[string]any{"mfa_token": "secret"}}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", e, e, e, e), "secret")
}

func TestLogObserver(t *testing.T) {
	var out strings.Builder
	log := passbearer.LogObserver(slog.New(slog.NewTextHandler(&out, nil)))
	log.Event(context.Background(), passbearer.Event{Kind: passbearer.EventTokenRefused})
	require.Empty(t, out.String(), "refused tokens are at level debug")
	log.Event(context.Background(), passbearer.Event{Kind: passbearer.EventUnavailable, UserID: "u1", TokenID: "j", Err: errors.New("two\nlines")})
	require.Contains(t, out.String(), `level=ERROR msg="passbearer: unavailable" user=u1 jti=j error="two\nlines"`)
	log.Event(context.Background(), passbearer.Event{Kind: passbearer.EventRefreshTokenStolen, SessionID: "s"})
	require.Contains(t, out.String(), `level=WARN msg="passbearer: refresh_token_stolen" sid=s`)
	log.Event(context.Background(), passbearer.Event{Kind: passbearer.EventSignedIn})
	require.Contains(t, out.String(), `level=INFO msg="passbearer: signed_in"`)
	passbearer.LogObserver(nil).Event(context.Background(), passbearer.Event{})
}
