package passbearer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

func TestScope(t *testing.T) {
	const s passbearer.Scope = "me items:read items:write"
	require.True(t, s.Has("items:read"))
	require.False(t, s.Has("items"), "no prefix")
	require.False(t, s.Has("me items:read"), "one token")
	require.False(t, s.Has(""))
	require.True(t, s.HasAll("me", "items:write"))
	require.True(t, s.HasAll())
	require.False(t, s.HasAll("me", "admin"))
	require.True(t, s.HasAny("admin", "me"))
	require.False(t, s.HasAny())
	require.True(t, passbearer.Scope("items:write me").Subset(s))
	require.False(t, passbearer.Scope("me admin").Subset(s))
	require.True(t, passbearer.Scope("").Subset(""))
	require.Equal(t, passbearer.Scope("items:read me"), passbearer.Scope("items:read x me me").Intersect(s))
	require.Equal(t, passbearer.Scope(""), s.Intersect(""))
	require.Equal(t, []string{"me", "items:read", "items:write"}, slices.Collect(s.All()))
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = s.Has("items:write") && s.Subset(s) }))
}

// FuzzScopeHas: searching finds what comparing with each finds.
func FuzzScopeHas(f *testing.F) {
	for _, pair := range [][2]string{{"a b c", "b"}, {"aa a", "a"}, {"a aa", "a"}, {"ab abc", "abc"}, {"a b", "a b"}, {"a  b", ""}, {" a ", "a"}, {"aab ab", "ab"}, {"ba", "a"}, {"ab", "a"}, {"", "a"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, list, token string) {
		want := token != "" && slices.Contains(strings.Split(list, " "), token)
		require.Equal(t, want, passbearer.Scope(list).Has(token))
	})
}

func TestScopeValid(t *testing.T) {
	for _, s := range []passbearer.Scope{"", "a", "a b", "items:read https://x/y", "!#[]~"} {
		require.True(t, s.Valid(), s)
	}
	for _, s := range []passbearer.Scope{" ", " a", "a ", "a  b", `a"b`, `a\b`, "a\x00b", "é", "a\tb", "a\n"} {
		require.False(t, s.Valid(), s)
	}
}

func TestAudience(t *testing.T) {
	a := passbearer.NewAudience("https://api.example", "other")
	require.True(t, a.Has("other"))
	require.False(t, a.Has("othe"))
	require.False(t, passbearer.NewAudience().Has(""))
	require.Equal(t, []string{"https://api.example", "other"}, slices.Collect(a.All()))
	require.Panics(t, func() { passbearer.NewAudience("a\nb") })
	require.Panics(t, func() { passbearer.NewAudience("") })
}

func TestExtraClaims(t *testing.T) {
	type tenant struct{ Tenant string }
	got, err := passbearer.ExtraClaims[tenant](&passbearer.Claims{Extra: `{"tenant":"blue"}`})
	require.NoError(t, err)
	require.Equal(t, tenant{"blue"}, got)
	got, err = passbearer.ExtraClaims[tenant](new(passbearer.Claims))
	require.NoError(t, err)
	require.Zero(t, got)
	_, err = passbearer.ExtraClaims[tenant](&passbearer.Claims{Extra: `{"tenant":1}`})
	require.Error(t, err)
}

func TestNumericDate(t *testing.T) {
	require.True(t, passbearer.NumericDate(0).Time().IsZero())
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), passbearer.NumericDate(1767225600).Time())
}

func FuzzScope(f *testing.F) {
	f.Add("me items:read", "me")
	f.Add("  a ", "a b")
	f.Fuzz(func(t *testing.T, s, other string) {
		a, b := passbearer.Scope(s), passbearer.Scope(other)
		both := a.Intersect(b)
		if !both.Subset(a) || !both.Subset(b) || both.Intersect(b) != both {
			t.Errorf("%q ∩ %q = %q", s, other, both)
		}
		if a.Valid() && strings.Join(slices.Collect(a.All()), " ") != s {
			t.Errorf("a valid scope %q does not join again", s)
		}
	})
}
