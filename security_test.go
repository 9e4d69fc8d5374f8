package passbearer_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPromises: each test that SECURITY.md names is there.
func TestPromises(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`(?:[a-z]+\\.)?((?:Test|Fuzz)[A-Z]\\w*)`").FindAllSubmatch(text, -1)
	require.Greater(t, len(named), 20)
	var code strings.Builder
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := os.ReadFile(path)
		code.Write(file)
		return err
	}))
	for _, name := range named {
		declared := regexp.MustCompile(`\nfunc ` + string(name[1]) + `\b`)
		require.True(t, declared.MatchString(code.String()), "SECURITY.md names %s", name[1])
	}
}
