package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	patience = 30 * time.Second // for any one thing to happen
	johndoe  = "grant_type=password&username=johndoe&password=secret"
	allScope = "me items:read items:write"
	asDemo   = "&client_id=demo&client_secret=demo-secret"
)

// quickstart is the command, built once.
var quickstart string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	quickstart = filepath.Join(dir, "quickstart")
	args := []string{"build", "-o", quickstart}
	if isRace() {
		args = append(args, "-race") // a race makes the command's exit status 66
	}
	build := exec.Command("go", append(args, ".")...)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build:", err)
		return 1
	}
	return m.Run()
}

func isRace() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// server is a running quickstart.
type server struct {
	url  string // without a slash at the end
	curl string // the line to copy

	cmd    *exec.Cmd
	stdout *bufio.Reader
	log    bytes.Buffer // complete once the process has ended
	ended  bool
}

var listening = regexp.MustCompile(`^Listening on (http://\S+)\. Sign in:\n\n  (curl [^\n]+)\n\nor on \S+/docs\n$`)

// start runs the quickstart on a free port, unless args say another address.
// The test's end stops it, if the test did not.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	s := &server{cmd: exec.CommandContext(ctx, quickstart, append([]string{"-addr", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "quickstart.db")}, args...)...)}
	s.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else a -race build takes a second to exit
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	s.stdout = bufio.NewReader(stdout)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		if !s.ended {
			s.stop(t, syscall.SIGTERM)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", &s.log)
		}
	})
	var greeting string
	for range 5 {
		line, err := s.stdout.ReadString('\n')
		greeting += line
		require.NoError(t, err, "the greeting breaks off: %q", greeting)
	}
	found := listening.FindStringSubmatch(greeting)
	require.NotNil(t, found, "greeting: %q", greeting)
	s.url, s.curl = found[1], found[2]
	return s
}

func (s *server) stop(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(t, err)
	}
	s.wait(t)
}

// wait is for a process that was told to stop.
func (s *server) wait(t *testing.T) {
	t.Helper()
	s.ended = true
	rest, err := io.ReadAll(s.stdout)
	require.NoError(t, err)
	require.NoError(t, s.cmd.Wait(), &s.log)
	require.Empty(t, string(rest), "on stdout after the greeting")
}

// client goes straight to the server, whatever proxy the environment names.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: patience}

type reply struct {
	status int
	header http.Header
	body   string
}

// do sends one request, such as "GET /items/". A body is JSON if it begins like
// an object, and a form otherwise.
func (s *server) do(t *testing.T, request, accessToken, body string) reply {
	t.Helper()
	r, err := s.try(t.Context(), request, accessToken, body)
	require.NoError(t, err)
	return r
}

func (s *server) try(ctx context.Context, request, accessToken, body string) (reply, error) {
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	switch {
	case strings.HasPrefix(body, "{"):
		r.Header.Set("Content-Type", "application/json")
	case body != "":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return readReply(client.Do(r))
}

func readReply(res *http.Response, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

// pair is what a client keeps of the answer to a token request.
type pair struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// tokens are the answer to a token request.
type tokens struct {
	pair
	TokenType string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
	Error     string `json:"error"`
}

func (s *server) token(t *testing.T, form string) tokens {
	t.Helper()
	r := s.do(t, "POST /token", "", form)
	got := decodeTokens(t, r.body)
	require.Equal(t, got.Error == "", r.status == http.StatusOK, "%d %s", r.status, r.body)
	return got
}

func decodeTokens(t *testing.T, body string) (got tokens) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(body), &got), body)
	return got
}

func (s *server) refresh(t *testing.T, refreshToken string) tokens {
	t.Helper()
	return s.token(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}.Encode())
}

// signOut is RFC 7009 as any client can do it.
func (s *server) signOut(t *testing.T, refreshToken string, client ...string) {
	t.Helper()
	r := s.do(t, "POST /token/revoke", "", url.Values{"token": {refreshToken}}.Encode()+strings.Join(client, ""))
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.JSONEq(t, `{}`, r.body)
}

func (s *server) requireItems(t *testing.T, accessToken string) {
	t.Helper()
	r := s.do(t, "GET /items/", accessToken, "")
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.JSONEq(t, `{"items":["Plumbus"]}`, r.body)
}

// The line is run as it was printed, by a shell.
func TestPrintedCurlLine(t *testing.T) {
	for _, test := range []struct {
		name      string
		args      []string
		expiresIn int
	}{
		{"defaults", nil, 900},
		{"lifetime", []string{"-lifetime", "5s"}, 5},
		{"localhost", []string{"-addr", "localhost:0"}, 900},
		{"every address", []string{"-addr", ":0"}, 900},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := exec.LookPath("curl"); err != nil {
				t.Skip("curl, which the printed line needs, is not installed: apt-get install -y curl")
			}
			s := start(t, test.args...)
			got := decodeTokens(t, run(t, "sh", "-c", s.curl).stdout)
			require.Equal(t, "bearer", got.TokenType)
			require.Equal(t, test.expiresIn, got.ExpiresIn)
			require.Equal(t, allScope, got.Scope)
			require.NotEmpty(t, got.RefreshToken)
			s.requireItems(t, got.AccessToken)
		})
	}
}

// The rows are in order: an item that was added is listed.
func TestRoutes(t *testing.T) {
	s := start(t)
	all := s.token(t, johndoe).AccessToken
	onlyMe := s.token(t, johndoe+"&scope=me").AccessToken
	onlyRead := s.token(t, johndoe+"&scope=items:read").AccessToken
	const (
		none  = `Bearer realm="api"`
		bad   = `Bearer realm="api", error="invalid_token", error_description="Could not validate credentials"`
		short = `Bearer realm="api", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope=`
		lacks = `{"detail":"The token lacks a scope that this resource demands"}`
	)
	for _, test := range []struct {
		name, request, token, body string
		status                     int
		challenge, want            string // what the body has
	}{
		{"no token", "GET /items/", "", "", 401, none, `{"detail":"Not authenticated"}`},
		{"no token to write", "POST /items/", "", `{"name":"x"}`, 401, none, `{"detail":"Not authenticated"}`},
		{"no token for me", "GET /users/me", "", "", 401, none, `{"detail":"Not authenticated"}`},
		{"made-up token", "GET /items/", "johndoe", "", 401, bad, `{"detail":"Could not validate credentials"}`},
		{"token cut short", "GET /items/", all[:len(all)-1], "", 401, bad, `{"detail":"Could not validate credentials"}`},
		{"list", "GET /items/", all, "", 200, "", `{"items":["Plumbus"]}`},
		{"add", "POST /items/", all, `{"name":"Portal Gun"}`, 201, "", `{"name":"Portal Gun"}`},
		{"list what was added", "GET /items/", all, "", 200, "", `{"items":["Plumbus","Portal Gun"]}`},
		{"add without a name", "POST /items/", all, `{"title":"x"}`, 422, "", `"detail":`},
		{"add more than 1 KiB", "POST /items/", all, `{"name":"` + strings.Repeat("x", 1<<10) + `"}`, 422, "", `"detail":`},
		{"me", "GET /users/me", all, "", 200, "", `"username":"johndoe","scope":"me items:read items:write"}`},
		{"me with that scope alone", "GET /users/me", onlyMe, "", 200, "", `"username":"johndoe"`},
		{"scope to read is missing", "GET /items/", onlyMe, "", 403, short + `"items:read"`, lacks},
		{"scope to write is missing", "POST /items/", onlyRead, `{"name":"x"}`, 403, short + `"items:write"`, lacks},
		{"scope for me is missing", "GET /users/me", onlyRead, "", 403, short + `"me"`, lacks},
		{"scope to read is enough", "GET /items/", onlyRead, "", 200, "", `{"items":["Plumbus","Portal Gun"]}`},
		{"refused items are not added", "GET /items/", all, "", 200, "", `{"items":["Plumbus","Portal Gun"]}`},
		{"sign in", "POST /token", "", johndoe, 200, "", `"token_type":"bearer","expires_in":900,"refresh_token":"`},
		{"sign in as the tutorial does", "POST /token", "", "username=johndoe&password=secret", 200, "", `"scope":"me items:read items:write"}`},
		{"sign in with less scope", "POST /token", "", johndoe + "&scope=items:read+admin", 200, "", `"scope":"items:read"}`},
		{"sign in with no scope left", "POST /token", "", johndoe + "&scope=admin", 400, "", `"error":"invalid_scope"`},
		{"wrong password", "POST /token", "", "username=johndoe&password=Secret", 400, "", `"error":"invalid_grant"`},
		{"unknown user", "POST /token", "", "username=nobody&password=secret", 400, "", `"error":"invalid_grant"`},
		{"disabled user", "POST /token", "", "username=alice&password=secretalice", 400, "", `"error":"invalid_grant"`},
		{"no password", "POST /token", "", "username=johndoe", 400, "", `{"detail":"Missing parameter: password","error":"invalid_request"`},
		{"sign in by JSON", "POST /token", "", `{"username":"johndoe","password":"secret"}`, 400, "", `URLSearchParams`},
		{"another grant", "POST /token", "", "grant_type=client_credentials", 400, "", `"error":"unsupported_grant_type"`},
		{"an access token does not refresh", "POST /token", "", "grant_type=refresh_token&refresh_token=" + all, 400, "", `"error":"invalid_grant"`},
		{"sign in by GET", "GET /token", "", "", 405, "", `{"detail":"Use POST"`},
		{"sign out with a token nobody knows", "POST /token/revoke", "", "token=x", 200, "", "{}"},
		{"sign out without a token", "POST /token/revoke", "", "token_type_hint=refresh_token", 400, "", `"error":"invalid_request"`},
		{"no such route", "GET /", all, "", 404, "", "not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.do(t, test.request, test.token, test.body)
			require.Equal(t, test.status, r.status, r.body)
			if test.challenge != "" {
				test.challenge += `, resource_metadata="` + s.url + `/.well-known/oauth-protected-resource"`
			}
			require.Equal(t, test.challenge, r.header.Get("WWW-Authenticate"))
			require.Contains(t, r.body, test.want)
		})
	}
}

func TestRefreshAndSignOut(t *testing.T) {
	s := start(t)
	first := s.token(t, johndoe)
	second := s.refresh(t, first.RefreshToken)
	third := s.refresh(t, second.RefreshToken)
	requireDistinct(t, first.AccessToken, second.AccessToken, third.AccessToken)
	requireDistinct(t, first.RefreshToken, second.RefreshToken, third.RefreshToken)
	for _, got := range []tokens{first, second, third} {
		require.Equal(t, allScope, got.Scope)
		s.requireItems(t, got.AccessToken)
	}
	other := s.token(t, johndoe)
	s.signOut(t, third.RefreshToken)
	require.Equal(t, "invalid_grant", s.refresh(t, third.RefreshToken).Error)
	require.Empty(t, s.refresh(t, other.RefreshToken).Error, "the other session lives")
}

// TestProxy: a client behind a proxy has an address of its own. 100 attempts are its allowance, and
// one more for each 10 seconds that they take.
func TestProxy(t *testing.T) {
	s := start(t, "-proxy", "127.0.0.0/8")
	guess := func(from string, n int) int {
		t.Helper()
		body := strings.NewReader(fmt.Sprintf("username=nobody%d&password=guess", n))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/token", body)
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", from)
		answer, err := readReply(client.Do(r))
		require.NoError(t, err)
		return answer.status
	}
	n := 0
	for status := 400; status != 429; n++ {
		require.Equal(t, 400, status)
		require.Less(t, n, 200)
		status = guess("192.0.2.1", n)
	}
	require.Greater(t, n, 100)
	require.Equal(t, 400, guess("198.51.100.1", n))
}

// TestSlowReader: a client that does not read its answer, of some megabytes, is in nobody's way.
func TestSlowReader(t *testing.T) {
	s := start(t)
	token := s.token(t, johndoe).AccessToken
	item := `{"name":"` + strings.Repeat("<", 1000) + `"}`
	for range 999 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/items/", strings.NewReader(item))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := readReply(client.Do(r))
		require.NoError(t, err)
		require.Equal(t, 201, answer.status)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10)) // or the system takes it all
	_, err = fmt.Fprintf(conn, "GET /items/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", strings.TrimPrefix(s.url, "http://"), token)
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err, "the answer has begun")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/items/", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := readReply(client.Do(r))
	require.NoError(t, err)
	require.Equal(t, 200, answer.status)
}

func TestStolenRefreshTokenEndsTheSession(t *testing.T) {
	s := start(t)
	first := s.token(t, johndoe)
	third := s.refresh(t, s.refresh(t, first.RefreshToken).RefreshToken)
	require.Equal(t, "invalid_grant", s.refresh(t, first.RefreshToken).Error)
	require.Equal(t, "invalid_grant", s.refresh(t, third.RefreshToken).Error)
}

// Where these tests are built with -race, so is the quickstart.
func TestManyRequestsAtOnce(t *testing.T) {
	const writers, each = 16, 25
	s := start(t)
	token := s.token(t, johndoe).AccessToken
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for j := range each {
				_, err := s.try(t.Context(), "POST /items/", token, fmt.Sprintf(`{"name":"%d of %d"}`, j, i))
				assert.NoError(t, err)
				_, err = s.try(t.Context(), "GET /items/", token, "")
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	var got struct{ Items []string }
	require.NoError(t, json.Unmarshal([]byte(s.do(t, "GET /items/", token, "").body), &got))
	require.Len(t, got.Items, 1+writers*each)
	requireDistinct(t, got.Items...)
}

func requireDistinct(t *testing.T, values ...string) {
	t.Helper()
	require.NotContains(t, values, "")
	slices.Sort(values)
	require.Equal(t, slices.Compact(slices.Clone(values)), values)
}

func TestLogHoldsNoSecret(t *testing.T) {
	s := start(t)
	first := s.token(t, johndoe)
	second := s.refresh(t, first.RefreshToken)
	s.token(t, "username=johndoe&password=wrong-guess")
	s.signOut(t, second.RefreshToken)
	s.stop(t, syscall.SIGTERM)
	for _, secret := range []string{first.AccessToken, first.RefreshToken, second.AccessToken, second.RefreshToken, "wrong-guess", "argon2"} {
		require.NotContains(t, s.log.String(), secret)
	}
	for _, event := range []string{"signed_in", "sign_in_failed", "signed_out"} {
		require.Contains(t, s.log.String(), event)
	}
}

// The request in flight waits for its body, and its handler runs: "100 Continue"
// is sent when that reads. A connection at rest is closed after the listener, so
// its end means that the server is stopping.
func TestSignalFinishesRequests(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			s := start(t)
			atRest, inFlight := dial(t, s), dial(t, s)
			send(t, atRest, "GET /items/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
			require.Equal(t, http.StatusUnauthorized, atRest.answer(t).status)
			send(t, inFlight, "POST /token HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"+
				"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(johndoe))
			require.Equal(t, http.StatusContinue, inFlight.answer(t).status)

			require.NoError(t, s.cmd.Process.Signal(sig))
			_, err := atRest.reader.ReadByte()
			require.ErrorIs(t, err, io.EOF)
			_, err = net.Dial("tcp", atRest.RemoteAddr().String())
			require.ErrorIs(t, err, syscall.ECONNREFUSED)

			send(t, inFlight, johndoe)
			r := inFlight.answer(t)
			require.Equal(t, http.StatusOK, r.status, r.body)
			require.NotEmpty(t, decodeTokens(t, r.body).AccessToken)
			s.wait(t)
		})
	}
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T, s *server) *connection {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return &connection{conn, bufio.NewReader(conn)}
}

func send(t *testing.T, c *connection, format string, args ...any) {
	t.Helper()
	_, err := fmt.Fprintf(c, format, args...)
	require.NoError(t, err)
}

func (c *connection) answer(t *testing.T) reply {
	t.Helper()
	r, err := readReply(http.ReadResponse(c.reader, nil))
	require.NoError(t, err)
	return r
}

func TestRefusesToStart(t *testing.T) {
	busy := strings.TrimPrefix(start(t).url, "http://")
	for _, test := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"address in use", []string{"-addr", busy}, 1, busy + ": bind: address already in use"},
		{"no port", []string{"-addr", "localhost"}, 1, "missing port in address"},
		{"an issuer that clients refuse", []string{"-addr", "127.0.0.1:0", "-issuer", "http://api.example"}, 1, "clients take from this machine alone"},
		{"an issuer below a path", []string{"-addr", "127.0.0.1:0", "-issuer", "https://api.example/v1"}, 1, "is not scheme and host alone"},
		{"not a duration", []string{"-lifetime", "5"}, 2, `invalid value "5" for flag -lifetime`},
		{"lifetime of nothing", []string{"-lifetime", "500ms"}, 1, "-lifetime: an access token lives for 1s to 24h"},
		{"lifetime over a day", []string{"-lifetime", "48h"}, 1, "-lifetime: an access token lives for 1s to 24h"},
		{"not a network", []string{"-proxy", "10.0.0.1"}, 2, `invalid value "10.0.0.1" for flag -proxy`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := run(t, quickstart, test.args...)
			require.Equal(t, test.status, got.status)
			require.Contains(t, got.stderr, test.says)
			require.NotContains(t, got.stderr, "goroutine")
			require.Empty(t, got.stdout)
		})
	}
}

type result struct {
	status         int
	stdout, stderr string
}

// run ends with the test. A command that cannot be started has status -1, and
// the reason for its stderr.
func run(t *testing.T, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "no_proxy=*", "OAUTHLIB_INSECURE_TRANSPORT=1", "PYTHONDONTWRITEBYTECODE=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		return result{-1, "", err.Error()}
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
