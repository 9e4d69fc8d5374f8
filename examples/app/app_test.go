package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	good     = "correct horse battery staple"
	another  = "four other words, for once"
	patience = 30 * time.Second
)

// server is the application over HTTP, with a clock for its access tokens.
type server struct {
	url     string
	store   *store
	advance atomic.Int64
}

func start(t *testing.T, o options) *server {
	t.Helper()
	if o.db == "" {
		o.db = filepath.Join(t.TempDir(), "app.db")
	}
	if o.mode == "" {
		o.mode = "cookie"
	}
	s := new(server)
	o.lifetime = time.Minute
	o.now = func() time.Time { return time.Now().Add(time.Duration(s.advance.Load())) }
	var err error
	s.store, err = openStore(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.store.close()) })
	listening := httptest.NewUnstartedServer(nil)
	t.Cleanup(listening.Close)
	o.origin = originOf(listening.Listener)
	if s.url = o.origin; o.addr != "" {
		o.origin = o.addr
	}
	listening.Config.Handler, err = newApp(t.Context(), s.store, bytes.Repeat([]byte("k"), secretSize), o)
	require.NoError(t, err)
	listening.Start()
	return s
}

// expire makes every access token too old, with the leeway for clocks.
func (s *server) expire() { s.advance.Add(int64(2 * time.Minute)) }

// admin adds an administrator and returns their password.
func (s *server) admin(t *testing.T, name string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, addAdmin(t.Context(), &out, s.store, name))
	_, rest, found := strings.Cut(out.String(), "password ")
	require.True(t, found, out.String())
	secret, _, _ := strings.Cut(rest, " ")
	return secret
}

// visitor is a browser, as far as cookies go.
type visitor struct {
	t      *testing.T
	url    string
	origin string
	client *http.Client
	bearer string
}

func (s *server) visitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{t, s.url, s.url, &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: patience}).DialContext}}, ""}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), v), a.body)
}

// do sends a request such as "GET /api/me"; url.Values are sent as a form, anything else as JSON.
func (v *visitor) do(request string, body any, header ...string) answer {
	v.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	var text, contentType string
	switch b := body.(type) {
	case nil:
	case url.Values:
		text, contentType = b.Encode(), "application/x-www-form-urlencoded"
	default:
		encoded, err := json.Marshal(b)
		require.NoError(v.t, err)
		text, contentType = string(encoded), "application/json"
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(text))
	require.NoError(v.t, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if v.origin != "" {
		r.Header.Set("Origin", v.origin)
	}
	if v.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+v.bearer)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := v.client.Do(r)
	require.NoError(v.t, err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	require.NoError(v.t, err)
	return answer{res.StatusCode, res.Header, string(read)}
}

func (v *visitor) require(status int, request string, body any, header ...string) answer {
	v.t.Helper()
	a := v.do(request, body, header...)
	require.Equal(v.t, status, a.status, "%s: %s", request, a.body)
	return a
}

type credentials map[string]string

func named(name, password string) credentials {
	return credentials{"username": name, "password": password}
}

func (v *visitor) signIn(name, password string) answer {
	v.t.Helper()
	return v.do("POST /token", tokenRequest(name, password))
}

func tokenRequest(name, password string) url.Values {
	return url.Values{"grant_type": {"password"}, "username": {name}, "password": {password}}
}

// signUp adds a user and signs them in.
func (v *visitor) signUp(name string) answer {
	v.t.Helper()
	v.require(201, "POST /api/users", named(name, good))
	a := v.signIn(name, good)
	require.Equal(v.t, 200, a.status, a.body)
	return a
}

func (v *visitor) sessions() (list []signedIn) {
	v.t.Helper()
	v.require(200, "GET /api/me/sessions", nil).decode(v.t, &list)
	return list
}
