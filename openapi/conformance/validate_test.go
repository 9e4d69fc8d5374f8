package conformance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/openapi"
)

func document(t *testing.T, api func(*testing.T) *openapi.API) []byte {
	t.Helper()
	text, err := api(t).Document()
	require.NoError(t, err)
	return text
}

func TestValid(t *testing.T) {
	documents := map[string][]byte{}
	for name, api := range apis {
		documents[name] = document(t, api)
	}
	_, documents["quickstart"] = quickstart(t)
	for name, text := range documents {
		require.NoError(t, kin(t, text), name)
	}
	require.Empty(t, redocly(t, documents, "--config=testdata/redocly.yaml"))
	// This has rules of style too. The one that it leaves out is against the tutorial's path /items/.
	require.Empty(t, redocly(t, map[string][]byte{"quickstart": documents["quickstart"]},
		"--extends=recommended", "--skip-rule=no-path-trailing-slash"))
}

// The validators see what could be wrong with a document.
func TestInvalid(t *testing.T) {
	text, broken := document(t, everything), map[string][]byte{}
	for _, row := range []struct{ name, old, new string }{
		{"no title", `"title":"Everything"`, `"x-title":"Everything"`},
		{"parameter not in the path", `"in":"path"`, `"in":"query"`},
		{"response without description", `"description":"Not JSON"`, `"x-description":"Not JSON"`},
		{"no such schema", `#/components/schemas/ConformanceTestKind`, `#/components/schemas/Kind`},
		{"operationId twice", `"replaceItem"`, `"get_public"`},
		{"no such type", `"type":"object"`, `"type":"struct"`},
		{"no such scheme", `"security":[{"OAuth2PasswordBearer"`, `"security":[{"OAuth2"`},
		{"flow without a tokenUrl", `"tokenUrl"`, `"x-tokenUrl"`},
	} {
		require.Contains(t, string(text), row.old)
		broken[row.name] = bytes.Replace(text, []byte(row.old), []byte(row.new), 1)
		require.Error(t, kin(t, broken[row.name]), row.name)
	}
	problems := redocly(t, broken, "--config=testdata/redocly.yaml")
	for name := range broken {
		require.NotEmpty(t, problems[name], name)
	}
}

// kin returns what the validator of kin-openapi finds.
func kin(t *testing.T, text []byte) error {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return err
	}
	require.True(t, doc.IsOpenAPI31OrLater())
	return doc.Validate(t.Context())
}

// redocly returns the errors that Redocly's command finds in the documents.
func redocly(t *testing.T, documents map[string][]byte, args ...string) map[string][]string {
	t.Helper()
	const command = "testdata/node/node_modules/.bin/redocly"
	if _, err := os.Stat(command); errors.Is(err, fs.ErrNotExist) {
		t.Skip("not installed; run: npm ci --prefix openapi/conformance/testdata/node")
	}
	dir := t.TempDir()
	args = append([]string{"lint", "--format=json"}, args...)
	for name, text := range documents {
		file := filepath.Join(dir, name+".json")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		args = append(args, file)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_NOTIFICATIONS=true")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := cmd.Run()
	problems := readProblems(t, &stdout, len(documents))
	require.Equal(t, failed != nil, len(problems) > 0, "%v %s", problems, &stderr)
	return problems
}

// readProblems reads one JSON value a document.
func readProblems(t *testing.T, out io.Reader, documents int) map[string][]string {
	t.Helper()
	problems := map[string][]string{}
	for decoder := json.NewDecoder(out); documents > 0; documents-- {
		var result struct {
			Problems []struct {
				Severity, Message string
				Location          []struct {
					Source  struct{ Ref string }
					Pointer string
				}
			}
		}
		require.NoError(t, decoder.Decode(&result))
		for _, p := range result.Problems {
			if p.Severity == "error" {
				place := p.Location[0]
				name := strings.TrimSuffix(filepath.Base(place.Source.Ref), ".json")
				problems[name] = append(problems[name], place.Pointer+": "+p.Message)
			}
		}
	}
	return problems
}
