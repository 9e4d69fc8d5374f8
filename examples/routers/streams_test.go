package routers

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

const (
	briefly = "2s" // whole seconds, and more than one: exp is rounded down
	patient = 30 * time.Second
)

// TestEventsEnd: a stream of events ends when its token expires, though no event
// is due, and when its user signs out.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		args    []string
		signOut bool
	}{
		{"expired", []string{"-lifetime", briefly, "-every", "1h"}, false},
		{"revoked", []string{"-every", "10ms"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := start(t, "sse", tt.args...).base
			token := signIn(t, base)
			ctx, cancel := context.WithTimeout(t.Context(), patient)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "GET", base+"/events", nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+token.AccessToken)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer answer.Body.Close()
			require.Equal(t, 200, answer.StatusCode)
			require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
			if tt.signOut {
				signOut(t, base, token)
			}
			events, err := io.ReadAll(answer.Body)
			require.NoError(t, err, "the stream did not end by itself")
			require.True(t, strings.HasPrefix(string(events), "data: Hello, user "+token.subject(t)+"\n\n"), "%s", events)
			require.Contains(t, string(events), "event: unauthorized\n")
			requireOver(t, token, tt.signOut)
		})
	}
}

// TestWebSocketEnds: however the token came, the connection is closed when it
// expires, and when its user signs out.
func TestWebSocketEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"header", "subprotocol", "message"} {
		for _, tt := range []struct {
			name    string
			args    []string
			signOut bool
		}{
			{"expired", []string{"-lifetime", briefly, "-every", "1h"}, false},
			{"revoked", []string{"-every", "10ms"}, true},
		} {
			t.Run(how+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				base := start(t, "websocket", tt.args...).base
				token := signIn(t, base)
				ctx, cancel := context.WithTimeout(t.Context(), patient)
				defer cancel()
				conn, _, err := dial(ctx, base, how, token.AccessToken, "")
				require.NoError(t, err)
				defer conn.CloseNow()
				require.Equal(t, "echo", conn.Subprotocol(), "the token does not come back")
				require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte("hi")))
				_, message, err := conn.Read(ctx)
				require.NoError(t, err)
				require.Equal(t, token.subject(t)+": hi", string(message))
				if tt.signOut {
					signOut(t, base, token)
				}
				_, _, err = conn.Read(ctx)
				require.Equal(t, websocket.StatusCode(3000), websocket.CloseStatus(err), "%v", err)
				requireOver(t, token, tt.signOut)
			})
		}
	}
}

// TestWebSocketMessageAfterSignOut: it is not served, though no look at the token is due.
func TestWebSocketMessageAfterSignOut(t *testing.T) {
	t.Parallel()
	base := start(t, "websocket", "-every", "1h").base
	token := signIn(t, base)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	conn, _, err := dial(ctx, base, "header", token.AccessToken, "")
	require.NoError(t, err)
	defer conn.CloseNow()
	signOut(t, base, token)
	require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte("hi")))
	_, _, err = conn.Read(ctx)
	require.Equal(t, websocket.StatusCode(3000), websocket.CloseStatus(err), "%v", err)
}

// TestWebSocketRefuses: before the connection is one, as for any request; where the
// token is a message, by closing it.
func TestWebSocketRefuses(t *testing.T) {
	t.Parallel()
	base := start(t, "websocket").base
	token := signIn(t, base)
	for _, tt := range []struct {
		name, how, token, origin string
		status                   int                  // of the answer
		closed                   websocket.StatusCode // or of the connection
	}{
		{"no token", "", "", "", 401, 0},
		{"forged", "header", token.forged(), "", 401, 0},
		{"forged", "subprotocol", token.forged(), "", 401, 0},
		{"malformed", "header", "a b", "", 400, 0},
		{"in the query", "query", token.AccessToken, "", 401, 0},
		{"another origin", "subprotocol", token.AccessToken, "https://evil.example", 403, 0},
		{"another origin", "message", token.AccessToken, "https://evil.example", 403, 0},
		{"the app's origin without TLS", "subprotocol", token.AccessToken, "http://app.example", 403, 0},
		{"the app's origin", "subprotocol", token.AccessToken, "https://app.example", 101, -1},
		{"its own origin", "subprotocol", token.AccessToken, base, 101, -1},
		{"forged", "message", token.forged(), "", 101, 3000},
		{"malformed", "message", "a b", "", 101, 3000},
		{"a header in the message", "message", token.AccessToken + "\r\nX: y", "", 101, 3000},
		{"an empty message", "message", "", "", 101, 3000},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patient)
		conn, answer, err := dial(ctx, base, tt.how, tt.token, tt.origin)
		require.NotNil(t, answer, "%s %s: %v", tt.how, tt.name, err)
		require.Equal(t, tt.status, answer.StatusCode, "%s %s", tt.how, tt.name)
		if tt.status == 401 {
			require.Contains(t, answer.Header.Get("WWW-Authenticate"), challenge)
		}
		if tt.closed > 0 {
			_, _, err = conn.Read(ctx)
			require.Equal(t, tt.closed, websocket.CloseStatus(err), "%s %s: %v", tt.how, tt.name, err)
		}
		if conn != nil {
			conn.CloseNow()
		}
		cancel()
	}
}

func dial(ctx context.Context, base, how, token, origin string) (*websocket.Conn, *http.Response, error) {
	opts := &websocket.DialOptions{HTTPHeader: http.Header{}, Subprotocols: []string{"echo"}}
	if origin != "" {
		opts.HTTPHeader.Set("Origin", origin)
	}
	path := "/echo"
	switch how {
	case "header":
		opts.HTTPHeader.Set("Authorization", "Bearer "+token)
	case "subprotocol":
		opts.Subprotocols = append(opts.Subprotocols, "bearer."+token)
	case "query":
		path += "?access_token=" + token
	case "message":
		path += "/late"
	}
	conn, answer, err := websocket.Dial(ctx, base+path, opts)
	if err == nil && how == "message" {
		err = conn.Write(ctx, websocket.MessageText, []byte(token))
	}
	return conn, answer, err
}

func signOut(t *testing.T, base string, token token) {
	t.Helper()
	status, _, body := call(t, "POST", base+"/sign-out", "", "Authorization", "Bearer "+token.AccessToken)
	require.Equal(t, 200, status, body)
	status, _, body = call(t, "POST", base+"/sign-out", "", "Authorization", "Bearer "+token.AccessToken)
	require.Equal(t, 401, status, "the token after it: %s", body)
}

// requireOver: the end came with the expiry, or before it by the sign-out.
func requireOver(t *testing.T, token token, signedOut bool) {
	t.Helper()
	expired := time.Now().Unix() >= token.claims(t).Expiry
	require.Equal(t, !signedOut, expired, "whether the token has expired")
}
