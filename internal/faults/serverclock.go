package faults

import (
	_ "embed"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed testdata/serverclock.c
var serverClock []byte

// ServerClock returns a clock that is also that of every server started with env. It
// needs a C compiler, and a system that preloads libraries, or skips the test.
func ServerClock(t *testing.T) (c *Clock, env []string) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is missing: apt-get install -y gcc libc6-dev")
	}
	dir := must(os.MkdirTemp("", "passbearer-clock-"))
	t.Cleanup(func() { os.RemoveAll(dir) }) // a server keeps what it has open
	must(0, os.Chmod(dir, 0o755))           // it is another user's
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	must(0, os.WriteFile(source, serverClock, 0o644))
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	file := must(os.OpenFile(filepath.Join(dir, "ahead"), os.O_CREATE|os.O_RDWR, 0o644))
	t.Cleanup(func() { file.Close() })
	c = &Clock{server: func(ahead time.Duration) {
		seconds := binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second))
		must(file.WriteAt(seconds, 0))
	}}
	c.Set(0)
	return c, []string{"LD_PRELOAD=" + library, "PASSBEARER_SERVER_CLOCK=" + file.Name()}
}
