package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs: the documentation costs the simplest server three lines; others of it
// change in their place.
func TestDocs(t *testing.T) {
	require.LessOrEqual(t, linesOfCode(t, "docs")-linesOfCode(t, "simplest"), 3)

	base := start(t, "docs", t.TempDir())
	token := signIn(t, base)
	status, body := get(t, base+"/items/", token)
	require.Equal(t, 200, status)
	require.Regexp(t, `^Hello, user [A-Z2-7]{26}\n$`, body)
	status, body = get(t, base+"/docs", "")
	require.Equal(t, 200, status)
	require.Contains(t, body, "openapi.json")
	status, body = get(t, base+"/openapi.json", "")
	require.Equal(t, 200, status)
	var document struct {
		Paths map[string]map[string]struct{ Security json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &document))
	require.JSONEq(t, `[]`, string(document.Paths["/token"]["post"].Security))
	require.JSONEq(t, `[{"OAuth2PasswordBearer":["items:read"]}]`, string(document.Paths["/items/"]["get"].Security))
}

func linesOfCode(t *testing.T, name string) (n int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(name, "main.go"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}
