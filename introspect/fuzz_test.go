package introspect_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/introspect"
)

// FuzzAnswer: what is taken says so by encoding/json's reading too, nothing of it is
// lost or made up, and what it says survives being said again.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		activeAnswer, inactiveAnswer, `{"active":true,"active":false}`, `{"ACTIVE":true}`, `{"active":true,"cnf":{"jkt":"a"},"token_type":"DPoP"}`,
		`{"active":true,"token_type":"Bearer","exp":4000000000.5,"nbf":1e3,"aud":["a","b"],"amr":["pwd"],"scope":"a b","x":{"y":[1,null]}}`,
		`{"active":true,"token_type":"bearer","\u0065xp":null,"\ud800":1,"sub":"\ud800","epoch":-1}`, `{"active":true,"token_type":"Bearer","cnf":{"a":1,"b":2}}`,
	} {
		f.Add([]byte(seed))
	}
	lax := endpoint
	lax.Audience = ""
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newSite(answers(string(text)))
		v, err := introspect.New(lax, secret, &introspect.Options{Transport: s, InsecureSkipAudience: true})
		require.NoError(t, err)
		c, err := v.VerifyToken(t.Context(), "x")
		if err != nil {
			require.Nil(t, c)
			require.NotContains(t, err.Error(), "panicked")
			return
		}
		var said map[string]any
		require.NoError(t, json.Unmarshal(text, &said))
		require.Equal(t, true, said["active"])
		require.True(t, c.Scope.Valid())
		_, bound := said["cnf"]
		require.Equal(t, bound, c.Confirmation != passbearer.Confirmation{}, "a binding is neither lost nor made up")
		extra, err := passbearer.ExtraClaims[map[string]any](c)
		require.NoError(t, err)
		for name := range said {
			_, isExtra := extra[name]
			require.Equal(t, !registered[name], isExtra, "%q", name)
		}
		require.Len(t, extra, len(said)-countRegistered(said))

		again := maps.Clone(said)
		maps.Copy(again, extra)
		text, err = json.Marshal(again)
		require.NoError(t, err)
		s.Handler = answers(string(text))
		d, err := v.VerifyToken(t.Context(), "y")
		if len(text) <= 64<<10 { // it may be longer, as numbers and escapes are spelled otherwise
			require.NoError(t, err)
			own, theirs := *c, *d
			own.Extra, theirs.Extra = "", ""
			require.Equal(t, own, theirs)
		}
	})
}

var registered = map[string]bool{"active": true, "token_type": true, "iss": true, "sub": true, "aud": true, "exp": true, "nbf": true, "iat": true, "jti": true,
	"client_id": true, "scope": true, "sid": true, "auth_time": true, "acr": true, "amr": true, "cnf": true}

func countRegistered(members map[string]any) (n int) {
	for name := range members {
		if registered[name] {
			n++
		}
	}
	return n
}
