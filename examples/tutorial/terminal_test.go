package tutorial

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shell is the terminal in which commands are run: one for a page, since a command uses what others have set.
type shell struct {
	t      *testing.T
	stdin  io.Writer
	stdout *bufio.Reader
}

// limit is how long a page may take, the building of its programs too.
const limit = 5 * time.Minute

func newShell(t *testing.T, dir string) *shell {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: apt-get install %s", tool, tool)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CURL_HOME="+dir, "NO_PROXY=*", "LC_ALL=C.UTF-8")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout // a terminal shows both
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		stdin.Close()
		cmd.Wait()
	})
	return &shell{t, stdin, bufio.NewReader(stdout)}
}

// run returns what the commands print, and the status of the last one.
func (s *shell) run(commands string) (printed, status string) {
	s.t.Helper()
	const end = "\x1e" // ends what is printed
	_, err := io.WriteString(s.stdin, commands+"printf '\\036%d\\n' $?\n")
	require.NoError(s.t, err)
	printed, err = s.stdout.ReadString(end[0])
	require.NoError(s.t, err, "the commands did not come to their end within %s:\n%s\n%s", limit, commands, printed)
	status, err = s.stdout.ReadString('\n')
	require.NoError(s.t, err)
	return strings.TrimSuffix(printed, end), strings.TrimSpace(status)
}

// program is one that runs.
type program struct {
	output output
	stop   func()
}

func startProgram(t *testing.T, dir, binary string, args []string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := new(program)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &p.output, &p.output
	require.NoError(t, cmd.Start())
	p.stop = sync.OnceFunc(func() {
		cancel()
		cmd.Wait()
		t.Log(p.output.String())
	})
	t.Cleanup(p.stop)
	return p
}

// output is what a program has printed.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
