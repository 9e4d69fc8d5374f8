package tutorial

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reader is somebody who pastes a page's programs and runs its commands.
type reader struct {
	t        *testing.T
	dir      string
	known    string // Go text that compiles: the page's programs, and files that it links to
	binary   string // of the last program
	addr     string // where it listens if it is not told
	shell    *shell
	programs map[string]*program // by address
}

func newReader(t *testing.T, path, text string, free addresses) *reader {
	r := &reader{
		t:        t,
		dir:      t.TempDir(),
		known:    compiled(t, path, text, free),
		addr:     free.replace(t, "localhost:8000"),
		programs: map[string]*program{},
	}
	// As on a terminal: curl shows no progress there.
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, ".curlrc"), []byte("silent\nshow-error\n"), 0o600))
	r.shell = newShell(t, r.dir)
	return r
}

// compiled returns the Go text that a fragment of the page must be a part of: whole programs, of the page and of the
// pages that it links to, which this test builds, and files of this repository.
func compiled(t *testing.T, path, text string, free addresses) string {
	t.Helper()
	var all strings.Builder
	addPrograms := func(text string) {
		for _, b := range parse(t, text) {
			if isProgram(b) {
				all.WriteString(b.text)
			}
		}
	}
	addPrograms(text)
	for _, file := range linked(path, text) {
		switch filepath.Ext(file) {
		case ".md":
			addPrograms(readPage(t, file, free))
		case ".go":
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			all.Write(text)
		}
	}
	return unindented(all.String())
}

func isProgram(b block) bool { return b.lang == "go" && strings.HasPrefix(b.text, "package ") }

var indents = regexp.MustCompile(`(?m)^\t+`)

func unindented(code string) string { return "\n" + indents.ReplaceAllString(code, "") }

func (r *reader) readGo(b block) {
	if !isProgram(b) {
		require.Contains(r.t, r.known, unindented(b.text), "these lines are not of a program that the page has or links to")
		return
	}
	r.binary = build(r.t, b.text)
	require.LessOrEqual(r.t, strings.Count(b.text, "\n"), 60, "lines of a program to paste")
}

// build compiles a program as one of this module, or of the one that has remotejwks.
func build(t *testing.T, code string) (binary string) {
	t.Helper()
	module := ".."
	if strings.Contains(code, "passbearer/remotejwks") {
		module = "../oidc"
	}
	module, err := filepath.Abs(module)
	require.NoError(t, err)
	tmp := t.TempDir()
	source, overlay := filepath.Join(tmp, "main.go"), filepath.Join(tmp, "overlay.json")
	binary = filepath.Join(tmp, "program")
	require.NoError(t, os.WriteFile(source, []byte(code), 0o600))
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(module, "page", "main.go"): source}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", binary, "./page")
	cmd.Dir = module
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// notRun are commands that need what is published.
var notRun = regexp.MustCompile(`^(mkdir items && cd items|go mod init items|go get github\.com/passbearer/passbearer(/[a-z]+)?)$`)

var goRun = regexp.MustCompile(`^go run \.( -addr \S+)?\n$`)

// readShell runs commands, of which printed is what the page says that they print.
func (r *reader) readShell(commands, printed string) {
	if m := goRun.FindStringSubmatch(commands); m != nil {
		r.start(strings.Fields(m[1]), printed)
		return
	}
	var run strings.Builder
	for line := range strings.Lines(commands) {
		if notRun.MatchString(strings.TrimSpace(line)) {
			r.t.Log("not run:", strings.TrimSpace(line))
			continue
		}
		run.WriteString(line)
	}
	got, status := r.shell.run(run.String())
	if status != "0" || !matches(printed, got) {
		r.t.Errorf("the page says that\n\n%s\nprints\n\n%s\nbut it printed, with status %s,\n\n%s", commands, printed, status, got)
	}
}

// matches compares line by line. An ellipsis stands for anything within a line.
func matches(want, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSuffix(want, "\n")), "…", ".*")
	got = strings.TrimSuffix(strings.ReplaceAll(got, "\r\n", "\n"), "\n")
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(got)
}

// start runs the last program, in the place of one at the same address.
func (r *reader) start(args []string, printed string) {
	r.t.Helper()
	require.NotEmpty(r.t, r.binary, "there is no program to run")
	addr := r.addr
	if len(args) > 0 {
		addr = args[1]
	}
	if before := r.programs[addr]; before != nil {
		before.stop()
	}
	p := startProgram(r.t, r.dir, r.binary, args)
	r.programs[addr] = p
	require.Eventually(r.t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 30*time.Second, 10*time.Millisecond, "nobody listens at %s", addr)
	if printed != "" && !matches(printed, p.output.String()) {
		r.t.Errorf("the page says that the program prints\n\n%s\nbut it printed\n\n%s", printed, p.output.String())
	}
}
