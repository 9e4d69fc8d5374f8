package passbearer_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDependencies: whoever imports the library gets these modules and no
// others.
func TestDependencies(t *testing.T) {
	const own, crypto, sys, text = "github.com/passbearer/passbearer", "golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/text"
	for _, tt := range []struct {
		pkg     string
		modules []string
	}{
		{".", []string{own, crypto, sys, text}},
		{"./throttle", []string{own}},
		{"./jwttoken", []string{"github.com/golang-jwt/jwt/v5", own, crypto, sys, text}},
		{"./openapi", []string{own, crypto, sys, text}},
		{"./authserver", []string{own, crypto, sys, text}},
		{"./introspect", []string{own, crypto, sys, text}},
		{"./mfa", []string{own, crypto, sys, text}},
		{"./dpop", []string{"github.com/golang-jwt/jwt/v5", own, crypto, sys, text}},
		{"./memstore", []string{own, crypto, sys, text}},
		{"./bearertest", []string{"github.com/golang-jwt/jwt/v5", own, crypto, sys, text}},
		{"./storetest", []string{own, crypto, sys, text}}, // applications import it in their tests, as bearertest
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", tt.pkg).Output()
		require.NoError(t, err)
		modules := strings.Fields(string(out))
		slices.Sort(modules)
		require.Equal(t, tt.modules, slices.Compact(modules), tt.pkg)
	}
}
