package bearertest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

type Challenge = challenge

func ParseChallenges(h http.Header) ([]Challenge, error) { return parseChallenges(h) }

// String returns c as it is sent, with the parameters in the order of their names.
func (c challenge) String() string {
	if c.Token68 != "" {
		return c.Scheme + " " + c.Token68
	}
	params := make([]string, 0, len(c.Params))
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		params = append(params, name+"="+quote(c.Params[name]))
	}
	return strings.TrimSuffix(c.Scheme+" "+strings.Join(params, ", "), " ")
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
