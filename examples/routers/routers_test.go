// Package routers plays the same requests to every program of this folder: what a
// client sees does not depend on the router.
package routers

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	challenge = `Bearer realm="api"`
	allow     = "GET"
)

// TestTable: who has no token, a bad one or one without the scope gets the same
// answer everywhere, and who has a good one is greeted by the claims' subject.
func TestTable(t *testing.T) {
	for _, p := range []struct {
		name, me, admin string
	}{
		{"nethttp", "/me", "/admin"},
		{"chi", "/me", "/admin"},
		{"gin", "/me", "/admin"},
		{"echo", "/me", "/admin"},
		{"fiber", "/me", "/admin"},
		{"huma", "/me", "/admin"},
		{"cors", "/me", "/admin"},
		{"sse", "/events", ""},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			base := start(t, p.name).base
			token := signIn(t, base)
			for _, tt := range []struct {
				name, path, authorization string
				status                    int
				challenge, body           string
			}{
				{"no token", p.me, "", 401, challenge, `{"detail":"Not authenticated"}`},
				{"another scheme", p.me, "Basic am9obmRvZTpzZWNyZXQ=", 401, challenge, `{"detail":"Not authenticated"}`},
				{"good", p.me, "Bearer " + token.AccessToken, 200, "", "Hello, user " + token.subject(t)},
				{"again", p.me, "bearer " + token.AccessToken, 200, "", "Hello, user " + token.subject(t)},
				{"forged", p.me, "Bearer " + token.forged(), 401, challenge + `, error="invalid_token"`, `{"detail":"Could not validate credentials"}`},
				{"no scheme's token", p.me, "Bearer", 400, challenge + `, error="invalid_request"`, `{"detail":"Bearer without a token"}`},
				{"malformed", p.me, "Bearer a b", 400, challenge + `, error="invalid_request"`, `{"detail":"Malformed bearer token"}`},
				{"two headers", p.me, "Bearer " + token.forged() + "\nBearer " + token.AccessToken, 400, challenge + `, error="invalid_request"`, `{"detail":"Several Authorization headers"}`},
				{"scope missing", p.admin, "Bearer " + token.AccessToken, 403, challenge + `, error="insufficient_scope"`, `{"detail":"The token lacks a scope that this resource demands"}`},
			} {
				if tt.path == "" {
					continue
				}
				status, header, body := call(t, "GET", base+tt.path, tt.body, "Authorization", tt.authorization)
				require.Equal(t, tt.status, status, "%s: %s", tt.name, body)
				require.Contains(t, body, tt.body, tt.name)
				got := header.Get("WWW-Authenticate")
				require.True(t, strings.HasPrefix(got, tt.challenge) && (got == "") == (tt.challenge == ""), "%s: %s", tt.name, got)
				require.Equal(t, status == 403, strings.Contains(got, `, scope="admin"`), "%s: %s", tt.name, got)
			}
			status, header, _ := call(t, "DELETE", base+p.me, "", "Authorization", "Bearer "+token.AccessToken)
			require.Equal(t, 405, status)
			require.Contains(t, header.Get("Allow"), allow)
		})
	}
}

// TestCORS: the preflight is answered without a token, and a script of the origin
// may read a refusal, its challenge too.
func TestCORS(t *testing.T) {
	base := start(t, "cors").base
	for _, tt := range []struct {
		name, method, origin string
		status               int
		header               map[string]string
	}{
		{"preflight", "OPTIONS", "https://app.example", 204, map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Headers": "authorization", "WWW-Authenticate": ""}},
		{"refusal", "GET", "https://app.example", 401, map[string]string{"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Expose-Headers": "Www-Authenticate, Retry-After", "WWW-Authenticate": challenge}},
		{"another origin's preflight", "OPTIONS", "https://evil.example", 204, map[string]string{"Access-Control-Allow-Origin": ""}},
		{"another origin's refusal", "GET", "https://evil.example", 401, map[string]string{"Access-Control-Allow-Origin": ""}},
	} {
		headers := []string{"Origin", tt.origin}
		if tt.method == "OPTIONS" {
			headers = append(headers, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
		}
		status, header, _ := call(t, tt.method, base+"/me", "", headers...)
		require.Equal(t, tt.status, status, tt.name)
		for name, value := range tt.header {
			require.Equal(t, value, header.Get(name), "%s: %s", tt.name, name)
		}
	}
}

// TestShort: a program can be read in a minute.
func TestShort(t *testing.T) {
	files, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines := bytes.Count(text, []byte("\n"))
		t.Logf("%4d lines %s", lines, file)
		require.LessOrEqual(t, lines, 165, file)
	}
}

// call sends a request and reads the answer until it has until, or ends.
func call(t *testing.T, method, address, until string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		for value := range strings.Lines(header[i+1]) {
			r.Header.Add(header[i], strings.TrimSpace(value))
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	var body strings.Builder
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		body.WriteString(lines.Text() + "\n")
		if until != "" && strings.Contains(body.String(), until) {
			break
		}
	}
	return answer.StatusCode, answer.Header, body.String()
}

type token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
}

func signIn(t *testing.T, base string) token {
	t.Helper()
	answer, err := http.PostForm(base+"/token", url.Values{"username": {"johndoe"}, "password": {"secret"}})
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, 200, answer.StatusCode, "%s", body)
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	var tok token
	require.NoError(t, json.Unmarshal(body, &tok))
	require.Equal(t, "bearer", tok.TokenType)
	return tok
}

func (tok token) claims(t *testing.T) (c struct {
	Subject string `json:"sub"`
	Expiry  int64  `json:"exp"`
}) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tok.AccessToken, ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(payload, &c))
	return c
}

func (tok token) subject(t *testing.T) string {
	t.Helper()
	return tok.claims(t).Subject
}

// forged is the token with another signature.
func (tok token) forged() string {
	i := strings.LastIndexByte(tok.AccessToken, '.') + 1
	first := byte('A')
	if tok.AccessToken[i] == 'A' {
		first = 'B'
	}
	return tok.AccessToken[:i] + string(first) + tok.AccessToken[i+1:]
}

// programs is where all of them are built, once.
var programs = sync.OnceValues(func() (string, error) {
	args := []string{"build", "-o", programsDir}
	if raceEnabled {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "./...")...).CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return programsDir, nil
})

var programsDir string

func TestMain(m *testing.M) {
	var err error
	if programsDir, err = os.MkdirTemp("", "routers"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(programsDir)
	os.Exit(code)
}

type program struct{ base, grpc string }

// start runs a program until the test ends. It must not have a data race.
func start(t *testing.T, name string, args ...string) (p program) {
	t.Helper()
	dir, err := programs()
	require.NoError(t, err, dir)
	cmd := exec.Command(filepath.Join(dir, name), append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() || strings.Contains(stderr.String(), "DATA RACE") {
			t.Errorf("%s: %s", name, stderr.String())
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if addr, found := strings.CutPrefix(lines.Text(), "gRPC on "); found {
			p.grpc = addr
		}
		if base, found := strings.CutPrefix(lines.Text(), "Listening on "); found {
			p.base = base
			return p
		}
	}
	require.FailNow(t, "the program ended before it listened", "%s", name)
	return p
}
