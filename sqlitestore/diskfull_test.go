//go:build linux

package sqlitestore_test

import (
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/faults"
	"github.com/passbearer/passbearer/sqlitestore"
)

// TestDiskFullUnderAServer: what does not fit is answered 503 and is not there; what
// was answered 200 is; reading goes on; and the file is sound when there is room again.
func TestDiskFullUnderAServer(t *testing.T) {
	for name, scarce := range map[string]func(t *testing.T, dir string) (more func()){
		"no space left on the device": smallFilesystem,
		"the file may not grow":       smallFiles,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			more := scarce(t, dir)
			if more == nil {
				t.Log("mounting is not permitted here: the other case stands for it")
				return
			}
			path := filepath.Join(dir, "test.db")
			s, err := sqlitestore.Open(path, nil)
			require.NoError(t, err)
			a := faults.New(t, faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}, faults.Options{})
			u := a.AddUser(t, true)
			kept := fillDisk(t, a, u)
			for range 20 {
				require.Equal(t, 200, a.Get(t.Context(), "/me", kept[0].Access).Status, "reads go on")
				refused := a.SignIn(t.Context(), u.Name, u.Password)
				require.Contains(t, []int{200, 503}, refused.Status, refused.Raw)
				refused = a.Refresh(t.Context(), kept[0].Refresh)
				require.Contains(t, []int{200, 503}, refused.Status, "never invalid_grant: %s", refused.Raw)
			}
			require.Zero(t, a.Hasher.Stats().Running)
			more()
			require.Equal(t, 200, a.SignIn(t.Context(), u.Name, u.Password).Status, "there is room again")
			require.NoError(t, s.Close())

			s, err = sqlitestore.Open(path, nil) // which reads all of the file
			require.NoError(t, err)
			defer s.Close()
			rows, err := s.SessionsByUser(t.Context(), u.ID, 100_000)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(rows), len(kept), "what was acknowledged is there")
		})
	}
}

// fillDisk signs in until the answer is 503, and returns the other answers. What is
// refused leaves nothing.
func fillDisk(t *testing.T, a *faults.App, u faults.User) (kept []faults.Answer) {
	t.Helper()
	for len(kept) < 20_000 {
		before, err := a.Engine.List(t.Context(), u.ID)
		require.NoError(t, err)
		answer := a.SignIn(t.Context(), u.Name, u.Password)
		if answer.Status == 200 {
			kept = append(kept, answer)
			continue
		}
		require.Equal(t, 503, answer.Status, answer.Raw)
		require.Equal(t, "temporarily_unavailable", answer.Error)
		require.Equal(t, "1", answer.Header.Get("Retry-After"))
		after, err := a.Engine.List(t.Context(), u.ID)
		require.NoError(t, err)
		require.Len(t, after, len(before))
		t.Logf("full after %d sign-ins", len(kept))
		require.NotEmpty(t, kept)
		return kept
	}
	t.Fatal("the disk is never full")
	return nil
}

// smallFilesystem is nil where mounting is not permitted.
func smallFilesystem(t *testing.T, dir string) (more func()) {
	const flags = syscall.MS_NOSUID | syscall.MS_NODEV
	if syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=768k,mode=700") != nil {
		return nil
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return func() { require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", flags|syscall.MS_REMOUNT, "size=64m")) }
}

// smallFiles bounds the files of this process, whose other tests wait meanwhile.
func smallFiles(t *testing.T, _ string) (more func()) {
	var usual syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual))
	signal.Ignore(syscall.SIGXFSZ) // or it ends the process
	more = func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual)) }
	t.Cleanup(func() { more(); signal.Reset(syscall.SIGXFSZ) })
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 512 << 10, Max: usual.Max}), fmt.Sprint(usual))
	return more
}
