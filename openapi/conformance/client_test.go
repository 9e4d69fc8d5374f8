package conformance_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "github.com/oapi-codegen/runtime" // which the generated clients import
	"github.com/stretchr/testify/require"
)

// generate makes a client of the document, and returns the overlay that puts it
// into the folder testdata/client/api, where nothing is.
func generate(t *testing.T, document []byte) (overlay string) {
	t.Helper()
	dir := t.TempDir()
	spec, code := filepath.Join(dir, "openapi.json"), filepath.Join(dir, "api.go")
	require.NoError(t, os.WriteFile(spec, document, 0o600))
	run(t, "go", "tool", "oapi-codegen", "-package", "api", "-generate", "types,client", "-o", code, spec)
	place, err := filepath.Abs("testdata/client/api/api.go")
	require.NoError(t, err)
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{place: code}})
	require.NoError(t, err)
	overlay = filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	return overlay
}

func run(t *testing.T, name string, args ...string) (stdout string) {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	require.NoError(t, cmd.Run(), "%s", &log)
	return out.String()
}

func TestGeneratedClientsCompile(t *testing.T) {
	for name, api := range apis {
		t.Run(name, func(t *testing.T) {
			overlay := generate(t, document(t, api))
			run(t, "go", "build", "-overlay", overlay, "./testdata/client/api")
		})
	}
}

func TestGeneratedClientCallsQuickstart(t *testing.T) {
	url, text := quickstart(t)
	overlay := generate(t, text)
	out := run(t, "go", "run", "-overlay", overlay, "./testdata/client", url)
	require.Equal(t, "401 Not authenticated\n200 {\"items\":[\"Plumbus\"]}\n", out)
}
