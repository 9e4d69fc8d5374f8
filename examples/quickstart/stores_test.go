package main_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/pgtest"
)

func TestTokensOutliveARestart(t *testing.T) {
	db := filepath.Join(t.TempDir(), "quickstart.db")
	args := []string{"-db", db, "-issuer", "https://quickstart.example"} // another address each time
	s := start(t, args...)
	got := s.token(t, johndoe)
	s.stop(t, os.Interrupt)
	s = start(t, args...)
	s.requireItems(t, got.AccessToken)
	next := s.refresh(t, got.RefreshToken)
	require.Empty(t, next.Error)
	s.signOut(t, next.RefreshToken)
	s.stop(t, os.Interrupt)
	s = start(t, args...)
	require.Equal(t, "invalid_grant", s.refresh(t, next.RefreshToken).Error, "signed out for good")

	files, err := filepath.Glob(db + "*")
	require.NoError(t, err)
	require.Contains(t, files, db+".signing.pem")
	require.Contains(t, files, db+".refresh.key")
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
}

// TestEngines: two processes share what is in the engines.
func TestEngines(t *testing.T) {
	postgres, redis := pgtest.Start(t), startRedis(t)
	for _, test := range []struct {
		name string
		args []string
	}{
		{"SQLite", nil},
		{"PostgreSQL", []string{"-postgres", postgres}},
		{"PostgreSQL and Redis", []string{"-postgres", postgres, "-redis", redis}},
		{"SQLite and Redis", []string{"-redis", redis}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"-db", filepath.Join(t.TempDir(), "quickstart.db"), "-issuer", "https://quickstart.example"}, test.args...)
			one, two := start(t, args...), start(t, args...)
			first := one.token(t, johndoe)
			two.requireItems(t, first.AccessToken)
			second := two.refresh(t, first.RefreshToken)
			require.Empty(t, second.Error)
			require.Equal(t, second.RefreshToken, one.refresh(t, first.RefreshToken).RefreshToken, "the same successor, whoever is asked")
			one.signOut(t, second.RefreshToken)
			require.Equal(t, "invalid_grant", two.refresh(t, second.RefreshToken).Error)
			require.Eventually(t, func() bool {
				return two.do(t, "GET /items/", second.AccessToken, "").status == 401
			}, patience, 5*time.Millisecond, "the other process learns of it")

			guess := func(s *server, n int) int {
				return s.do(t, "POST /token", "", fmt.Sprintf("username=nobody&password=guess%d", n)).status
			}
			for n := range 25 {
				require.Equal(t, 400, guess(one, n))
			}
			require.Equal(t, 429, guess(two, 25), "attempts are counted for both")
		})
	}
}

// startRedis returns the URL of a private server that keeps nothing.
func startRedis(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("Redis is not installed: apt-get install -y redis-server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--save", "", "--dir", t.TempDir())
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cancel(); cmd.Wait() })
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err == nil && conn.Close() == nil
	}, patience, 5*time.Millisecond)
	return fmt.Sprintf("redis://127.0.0.1:%d/0", port)
}
