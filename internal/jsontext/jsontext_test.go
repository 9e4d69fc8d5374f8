package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/jsontext"
)

func FuzzAppendString(f *testing.F) {
	f.Add("")
	f.Add("eyJhbGciOiJFUzI1NiJ9.e30.c2ln")
	f.Add("ü\xff\u2028<&>\"\\\x7f\x00")
	f.Fuzz(same)
}

// TestAppendString puts each byte in each place of what is looked at together, and two beside each other.
func TestAppendString(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			plain := []byte(strings.Repeat("a", 17))
			plain[at] = byte(c)
			same(t, string(plain))
			same(t, string(plain[:at+1]))
		}
		for d := range 256 {
			same(t, string([]byte{byte(c), byte(d), 'a', 'a', 'a', 'a', byte(c), byte(d)}))
		}
	}
}

func same(t *testing.T, s string) {
	want, err := json.Marshal(s)
	require.NoError(t, err)
	require.Equal(t, string(want), string(jsontext.AppendString(nil, s)))
}

// TestPlain compares with a look at each byte, for each byte in each place.
func TestPlain(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			for size := range 18 {
				s := []byte(strings.Repeat("a", size))
				if at < size {
					s[at] = byte(c)
				}
				want := strings.IndexFunc(string(s), func(r rune) bool { return r < ' ' || r > '\x7f' || strings.ContainsRune("\"\\<>&", r) })
				if want < 0 {
					want = size
				}
				require.Equal(t, want, jsontext.Plain(string(s)), "%q", s)
			}
		}
	}
}

func TestAllocations(t *testing.T) {
	memory, token := make([]byte, 0, 1024), strings.Repeat("Ab9-_.", 100)
	require.Zero(t, testing.AllocsPerRun(100, func() { jsontext.AppendString(memory, token) }))
}
