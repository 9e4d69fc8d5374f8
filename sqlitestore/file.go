package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// checkFile makes the file if it is not there. SQLite gives the files beside it
// (-wal, -shm) the same mode. A file with a wider mode is refused and not
// narrowed: who could read it may have done so, and its owner should know.
func checkFile(path string) error {
	if path == "" || path == ":memory:" {
		return errors.New("a path is needed: package memstore keeps all in memory")
	}
	if err := makeFile(path); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := checkMode(name); err != nil {
			return err
		}
	}
	return nil
}

// makeFile opens no file that exists: closing one drops all locks that this process has
// on it, those of a Store too (fcntl(2)), and then another process may take the log away.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func checkMode(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	// Windows has no such modes: the directory's access list decides there.
	if perm := info.Mode().Perm(); perm&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s has mode %#o, so others may get at password hashes: chmod 600 it", name, perm)
	}
	return nil
}

// dataSource is a URI, in which no character of the path has a meaning of its
// own.
func dataSource(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	abs = filepath.ToSlash(abs)
	if !strings.HasPrefix(abs, "/") {
		abs = "/" + abs // a drive letter
	}
	return "file://" + (&url.URL{Path: abs}).EscapedPath(), nil
}
