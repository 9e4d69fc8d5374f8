package faults

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed testdata/serverclock.c
var serverClock []byte

// ServerClock returns a clock that is also that of every server started with env. It
// needs gcc, and a system that preloads libraries. The server's user has to be able to
// read dir, in which the library and the time are; a server that runs keeps both open.
func ServerClock(dir string) (c *Clock, env []string, err error) {
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, serverClock, 0o644); err != nil {
		return nil, nil, err
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("gcc: %w: %s", err, out)
	}
	file, err := os.OpenFile(filepath.Join(dir, "ahead"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, nil, err
	}
	c = &Clock{server: func(ahead time.Duration) {
		seconds := binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second))
		must(file.WriteAt(seconds, 0))
	}}
	c.Set(0)
	return c, []string{"LD_PRELOAD=" + library, "PASSBEARER_SERVER_CLOCK=" + file.Name()}, nil
}
