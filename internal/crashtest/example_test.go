//go:build unix

package crashtest_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/passbearer/passbearer/internal/crashtest"
)

// A store's tests have these two functions at the top of a file.
func Example() {
	TestMain := func(m *testing.M) {
		crashtest.Main(func(_ context.Context, source string) (*crashtest.Backend, error) {
			s, err := openLog(source, none)
			if err != nil {
				return nil, err
			}
			return &crashtest.Backend{Users: s, Sessions: s, Revocations: s}, nil
		})
		os.Exit(m.Run())
	}
	TestCrash := func(t *testing.T) {
		crashtest.Run(t, crashtest.Config{Source: filepath.Join(t.TempDir(), "log")})
	}
	_, _ = TestMain, TestCrash
}
