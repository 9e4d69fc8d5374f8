package conformance_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// quickstart runs examples/quickstart until the test's end, and returns its URL
// and its document.
func quickstart(t *testing.T) (url string, document []byte) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "quickstart")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "../../examples/quickstart"
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, binary, "-addr", "127.0.0.1:0", "-db", filepath.Join(dir, "quickstart.db"))
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		require.NoError(t, cmd.Wait())
		cancel()
	})
	greeting, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	url = listening.FindString(greeting)
	require.NotEmpty(t, url, greeting)

	res, err := http.Get(url + "/openapi.json")
	require.NoError(t, err)
	defer res.Body.Close()
	document, err = io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", document)
	return url, document
}
