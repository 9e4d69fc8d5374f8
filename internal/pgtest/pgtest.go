// Package pgtest starts private PostgreSQL servers for the tests of examples. The tests of
// pgstore, which kill theirs and move their clocks, start their own.
package pgtest

import (
	"bufio"
	"context"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

// script serves until its input ends, which it does with the test, however that ends.
const script = `set -e
"$0/initdb" -D "$1/data" -U postgres -A trust -E UTF8 --no-sync
"$0/pg_ctl" -D "$1/data" -l "$1/log" -o "-k $1 -c listen_addresses=" -w start
trap '"$0/pg_ctl" -D "$1/data" -m immediate stop' EXIT
echo READY
cat`

// Start returns the URL of a server of the test's own, on a unix socket, or skips the test
// where PostgreSQL is not installed. Several packages may start theirs at once, for which
// Debian's pg_virtualenv is not made: as root it gives all the same name.
func Start(t testing.TB) string {
	t.Helper()
	bin := binaries()
	if bin == "" {
		t.Skip("PostgreSQL is not installed: apt-get install -y postgresql")
	}
	dir, err := os.MkdirTemp("", "passbearer-pg-") // a short path: a socket's has 107 bytes at most
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	args := []string{"sh", "-c", script, bin, dir}
	if os.Getuid() == 0 { // as which PostgreSQL does not run
		must(t, give(dir, "postgres"))
		args = append([]string{"runuser", "-u", "postgres", "--"}, args...)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), args[0], args[1:]...)
	cmd.Dir = "/"
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "READY" {
			return "postgres:///postgres?user=postgres&host=" + url.QueryEscape(dir)
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	t.Fatalf("PostgreSQL did not start: %s", log)
	return ""
}

// binaries is the folder of the newest PostgreSQL, or empty. Debian keeps it out of PATH.
func binaries() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	newest, folder := 0, ""
	for _, path := range found {
		bin := filepath.Dir(path)
		if n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))); n > newest {
			newest, folder = n, bin
		}
	}
	if path, err := exec.LookPath("initdb"); folder == "" && err == nil {
		return filepath.Dir(path)
	}
	return folder
}

func give(dir, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, -1)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
