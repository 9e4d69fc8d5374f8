package sqlitestore_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

// TestOpenedTwice: the locks of the first stay, without which another process may take the log away.
func TestOpenedTwice(t *testing.T) {
	path := newPath(t)
	s := openFile(t, path, nil)
	_, err := s.UserByID(t.Context(), "u1")
	require.ErrorIs(t, err, passbearer.ErrUserNotFound)
	before := locks(t, path)
	require.NotZero(t, before)
	second, err := sqlitestore.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, second.Close())
	require.Equal(t, before, locks(t, path))
}

// locks counts those of this process on a file.
func locks(t *testing.T, path string) (n int) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	held, err := os.ReadFile("/proc/locks")
	require.NoError(t, err)
	for line := range strings.Lines(string(held)) {
		if strings.Contains(line, fmt.Sprintf(" %d ", os.Getpid())) && strings.Contains(line, fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)) {
			n++
		}
	}
	return n
}
