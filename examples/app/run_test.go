package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/pgtest"
)

func readAll(t *testing.T, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

// command is the program's flags, with files of their own.
func command(t *testing.T) options {
	dir := t.TempDir()
	return options{addr: "localhost:0", db: filepath.Join(dir, "app.db"), key: filepath.Join(dir, "app.key"), mode: "cookie", lifetime: 15 * time.Minute}
}

// launch runs the program until the function that it returns is called.
func launch(t *testing.T, o options) (s *server, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, in, o)
		in.CloseWithError(io.EOF)
		ended <- err
	}()
	stop = func() {
		cancel()
		require.NoError(t, <-ended)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("it ended: %v", <-ended)
	}
	go io.Copy(io.Discard, out)
	address, found := strings.CutPrefix(strings.TrimSpace(line), "Listening on ")
	require.True(t, found, line)
	return &server{url: address}, stop
}

func TestRun(t *testing.T) {
	o := command(t)
	s, stop := launch(t, o)
	v := s.visitor(t)
	v.signUp("alice")
	session := v.sessions()[0].ID
	stop()

	admin := o
	admin.admin = "root"
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, admin))
	require.Regexp(t, `^Sign in as root with the password [A-Z2-7]{26} and change it\.\n$`, out.String())

	o.addr = strings.TrimPrefix(s.url, "http://") // tokens are of the origin
	_, stop = launch(t, o)
	defer stop()
	require.Equal(t, session, v.sessions()[0].ID, "all of it outlives a restart")
	v.require(200, "POST /token/refresh", nil)
	info, err := os.Stat(o.key)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.EqualValues(t, secretSize, info.Size())
}

func TestRunRefuses(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short.key")
	require.NoError(t, os.WriteFile(short, []byte("short"), 0o600))
	for _, test := range []struct {
		name   string
		change func(*options)
		says   string
	}{
		{"mode", func(o *options) { o.mode = "both" }, `-mode: "both" is neither cookie nor header`},
		{"lifetime", func(o *options) { o.lifetime = 0 }, "-lifetime: an access token lives for 1s to 24h"},
		{"a path", func(o *options) { o.origin = "https://app.example/" }, "is not scheme and host alone"},
		{"no TLS", func(o *options) { o.origin = "http://app.example" }, "is not https"},
		{"a short secret", func(o *options) { o.key = short }, "is not a secret of 32 bytes"},
		{"no folder", func(o *options) { o.key = filepath.Join(short, "app.key") }, "not a directory"},
		{"address", func(o *options) { o.addr = "localhost" }, "missing port in address"},
		{"admin's name", func(o *options) { o.admin = strings.Repeat("x", 2000) }, "-admin: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := command(t)
			test.change(&o)
			require.ErrorContains(t, run(t.Context(), io.Discard, o), test.says)
		})
	}
}

type listening struct {
	net.Listener
	at string
}

func (l listening) Addr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.at)) }

func TestOriginOf(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:8000":    "http://localhost:8000",
		"[::1]:8000":        "http://localhost:8000",
		"0.0.0.0:8000":      "", // other machines reach it, by another name
		"192.0.2.1:8000":    "",
		"[2001:db8::1]:443": "",
	} {
		require.Equal(t, want, originOf(listening{at: at}), at)
	}
}

// TestPostgres: two processes share what is in it, and each learns at once what the other ends.
func TestPostgres(t *testing.T) {
	o := options{postgres: pgtest.Start(t), addr: "https://app.example"}
	one, two := start(t, o), start(t, o)
	secret := one.admin(t, "root")
	alice, elsewhere, root := one.visitor(t), two.visitor(t), two.visitor(t)
	for _, v := range []*visitor{alice, elsewhere, root} {
		v.origin = o.addr
	}
	alice.require(201, "POST /api/users", named("alice", good))
	signIn := func(v *visitor, name, password string) {
		v.require(200, "POST /token", tokenRequest(name, password))
	}
	signIn(alice, "alice", good)
	signIn(elsewhere, "alice", good)
	signIn(root, "root", secret)
	list := alice.sessions()
	require.Len(t, list, 2)

	alice.require(204, "DELETE /api/me/sessions/"+list[0].ID, nil)
	require.Eventually(t, func() bool { return elsewhere.do("GET /api/me", nil).status == 401 }, patience, 5*time.Millisecond)
	signIn(elsewhere, "alice", good)
	alice.require(200, "POST /api/me/password", map[string]string{"current": good, "new": another})
	require.Eventually(t, func() bool { return elsewhere.do("GET /api/me", nil).status == 401 }, patience, 5*time.Millisecond)
	alice.require(200, "POST /token/refresh", nil)
	root.require(204, "POST /api/users/alice/disable", nil)
	require.Eventually(t, func() bool { return alice.do("GET /api/me", nil).status == 401 }, patience, 5*time.Millisecond)
}
