package jwttoken_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/jwttoken"
)

// wycheproof is a file of C2SP/wycheproof, testvectors_v1.
type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Private, Public json.RawMessage
		Tests           []struct {
			TcID                 int `json:"tcId"`
			Comment, JWS, Result string
		}
	}
}

func readVectors(t *testing.T, name string) (w wycheproof) {
	dir := os.Getenv("PASSBEARER_VECTORS")
	if dir == "" {
		t.Skip("set PASSBEARER_VECTORS to a folder with json_web_signature_test.json and json_web_key_test.json of C2SP/wycheproof, testvectors_v1")
	}
	require.NoError(t, json.Unmarshal(must(os.ReadFile(filepath.Join(dir, name))), &w))
	n := 0
	for _, g := range w.TestGroups {
		n += len(g.Tests)
	}
	require.Equal(t, w.NumberOfTests, n)
	return w
}

// flawed are vectors whose label is wrong: two are the valid token of their group, byte for byte, since
// what was to be wrong with them (padding) got lost; and two have a "?" in a segment, which is not in the
// alphabet (RFC 4648 §5, and §3.3: an implementation must refuse it).
var flawed = map[int]string{367: "valid", 370: "valid", 372: "invalid", 373: "invalid"}

// stricter are valid vectors that are refused on purpose.
var stricter = map[int]string{
	259: "a JWT has a payload", 272: "a JWT has a payload",
	346: "PS384, under a key for PS256", 350: "PS384, under a key for PS256",
}

func TestWycheproofJWS(t *testing.T) {
	w := readVectors(t, "json_web_signature_test.json")
	accepted, refused, otherKeys := 0, 0, 0
	valid := map[string]bool{}
	for _, g := range w.TestGroups {
		keys, alg := keySetOf(t, g.Public, g.Private)
		for _, v := range g.Tests {
			want := v.Result == "valid"
			if label, wrong := flawed[v.TcID]; wrong {
				require.NotEqual(t, label, v.Result, "%d is not flawed any more", v.TcID)
				require.Equal(t, label == "valid", valid[v.JWS], "%d", v.TcID)
				want = label == "valid"
			}
			if keys == nil {
				require.True(t, !want || !slices.Contains(supported, alg), "%d: a key for %s is refused", v.TcID, alg)
				otherKeys++
				continue
			}
			_, err := jwttoken.OpenJWS(keys, v.JWS)
			if _, ours := stricter[v.TcID]; ours {
				require.True(t, want && err != nil, "%d is no difference", v.TcID)
				want = false
			}
			require.Equal(t, want, err == nil, "%d %s %s: %v", v.TcID, g.Comment, v.Comment, err)
			if err == nil {
				accepted++
				valid[v.JWS] = true
			} else {
				refused++
			}
		}
	}
	t.Logf("%d accepted, %d refused, %d of keys for another algorithm or use", accepted, refused, otherKeys)
	require.Equal(t, w.NumberOfTests, accepted+refused+otherKeys)
}

var supported = []string{"HS256", "ES256", "EdDSA", "RS256", "PS256"}

func TestWycheproofJWK(t *testing.T) {
	for _, g := range readVectors(t, "json_web_key_test.json").TestGroups {
		keys, alg := keySetOf(t, g.Public, g.Private)
		for _, v := range g.Tests {
			ok := keys != nil
			if ok {
				_, err := jwttoken.OpenJWS(keys, v.JWS)
				ok = err == nil
			}
			require.Equal(t, v.Result == "valid" && slices.Contains(supported, alg), ok, "%d %s %s", v.TcID, g.Comment, v.Comment)
		}
	}
}

// keySetOf returns the keys of a JWK or a set of them, public or shared, and the algorithm of the first; no
// keys where one is not for signatures, or is refused by NewKey or NewKeys.
func keySetOf(t *testing.T, public, private json.RawMessage) (keys *jwttoken.Keys, alg string) {
	if len(public) == 0 {
		public = private
	}
	var set struct{ Keys []jwk }
	require.NoError(t, json.Unmarshal(public, &set))
	if set.Keys == nil {
		set.Keys = make([]jwk, 1)
		require.NoError(t, json.Unmarshal(public, &set.Keys[0]))
	}
	alg = set.Keys[0].Alg
	var made []jwttoken.Key
	for _, j := range set.Keys {
		key := j.key()
		if key == nil || j.Use == "enc" || j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify") {
			return nil, alg
		}
		k, err := jwttoken.NewKey(jwttoken.Algorithm(j.Alg), key, j.Kid)
		if err != nil {
			return nil, alg
		}
		made = append(made, k)
	}
	keys, err := jwttoken.NewKeys(made...)
	if err != nil {
		return nil, alg
	}
	return keys, alg
}
