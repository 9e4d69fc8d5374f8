package password_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/password"
)

var (
	none   = password.Pepper{}
	first  = password.Pepper{ID: "p1", Key: bytes.Repeat([]byte{1}, 32)}
	second = password.Pepper{ID: "p2", Key: bytes.Repeat([]byte{2}, 32)}
	forged = password.Pepper{ID: "p1", Key: bytes.Repeat([]byte{3}, 32)}
)

func peppered(t testing.TB, peppers ...password.Pepper) *password.Hasher {
	t.Helper()
	return newHasher(t, password.Options{Params: cheap, Peppers: peppers})
}

func TestPeppers(t *testing.T) {
	type list = []password.Pepper
	for _, tt := range []struct {
		name    string
		made    list // the hash is of "password"
		checked list
		ok      bool
		rehash  bool
		err     error
	}{
		{"the same", list{first}, list{first}, true, false, nil},
		{"another key under the id", list{first}, list{forged}, false, false, nil},
		{"a new one for the future", list{first}, list{first, second}, true, false, nil},
		{"a new one from now on", list{first}, list{second, first}, true, true, nil},
		{"an instance that does not know the new one yet", list{second, first}, list{first}, false, false, password.ErrPepper},
		{"an instance that knows the new one for the future", list{second, first}, list{first, second}, true, true, nil},
		{"none before", nil, list{first}, true, true, nil},
		{"none from now on", list{first}, list{none, first}, true, true, nil},
		{"none, and never again", list{first}, nil, false, false, password.ErrPepper},
		{"none, though there are", list{none, first}, list{none, first}, true, false, nil},
		{"the zero one alone is none", list{none}, nil, true, false, nil},
	} {
		stored := hashOf(t, peppered(t, tt.made...), "password")
		h := peppered(t, tt.checked...)
		ok, rehash, err := h.Verify(t.Context(), "password", stored)
		require.ErrorIs(t, err, tt.err, tt.name)
		require.Equal(t, [2]bool{tt.ok, tt.rehash}, [2]bool{ok, rehash}, tt.name)
		require.Equal(t, password.Stats{Hashes: 1, Work: 128}, h.Stats(), tt.name)
		if tt.err != nil {
			require.NotErrorIs(t, err, password.ErrHash, tt.name+": an unusable hash is answered as a wrong password")
			continue
		}
		ok, rehash, err = h.Verify(t.Context(), "passwort", stored)
		require.NoError(t, err, tt.name)
		require.False(t, ok || rehash, tt.name)
	}
}

func TestPepperedHash(t *testing.T) {
	stored := hashOf(t, peppered(t, first, second), "password")
	require.Regexp(t, `^\$argon2id\$v=19\$m=64,t=2,p=1,keyid=cDE\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, stored)
	s, err := password.Reencode(stored, limit)
	require.NoError(t, err)
	require.Equal(t, stored, s)
}

// TestPepperByOthers: what the documentation says is enough to write it in Python.
func TestPepperByOthers(t *testing.T) {
	for _, v := range readVectors(t).Peppered {
		key, err := hex.DecodeString(v.Key)
		require.NoError(t, err)
		h := peppered(t, password.Pepper{ID: "2026", Key: key})
		ok, rehash, err := h.Verify(t.Context(), v.Password, v.Hash)
		require.NoError(t, err)
		require.True(t, ok, v.Hash)
		require.False(t, rehash)
	}
}

func TestImportedHashGetsPepper(t *testing.T) {
	h := peppered(t, first)
	ok, rehash, err := h.Verify(t.Context(), "password", "{pbkdf2}"+hex40)
	require.NoError(t, err)
	require.True(t, ok && rehash)
	require.Contains(t, hashOf(t, h, "password"), ",keyid=cDE$")
}

// TestUnfitPasswordBeforePepper: what any client can cause is not a fault.
func TestUnfitPasswordBeforePepper(t *testing.T) {
	stored := hashOf(t, peppered(t, first), "password")
	for _, tt := range unfit {
		_, _, err := peppered(t).Verify(t.Context(), tt.plain, stored)
		require.ErrorIs(t, err, password.ErrPassword, tt.name)
	}
}

func TestNewRefusesPeppers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		peppers []password.Pepper
		want    string // in the error, or empty
	}{
		{"no id", []password.Pepper{{Key: first.Key}}, "Peppers[0].ID is not 1 to 8 bytes"},
		{"id of 9 bytes", []password.Pepper{{ID: "123456789", Key: first.Key}}, "Peppers[0].ID is not 1 to 8 bytes"},
		{"id of 8 bytes", []password.Pepper{{ID: "\x00\xff,$\n  8", Key: first.Key}}, ""},
		{"no key", []password.Pepper{first, {ID: "p2"}}, "Peppers[1].Key is shorter than 32 bytes"},
		{"key of 31 bytes", []password.Pepper{{ID: "p1", Key: first.Key[:31]}}, "Peppers[0].Key is shorter than 32 bytes"},
		{"empty key", []password.Pepper{{Key: []byte{}}}, "Peppers[0].ID"},
		{"id twice", []password.Pepper{first, second, forged}, "Peppers[2].ID is that of an earlier one"},
		{"none at the end", []password.Pepper{first, none}, "Peppers[1].ID is not 1 to 8 bytes"},
	} {
		_, err := password.New(&password.Options{Peppers: tt.peppers})
		if tt.want == "" {
			require.NoError(t, err, tt.name)
			continue
		}
		require.ErrorContains(t, err, tt.want, tt.name)
	}
}

func TestAnyPepperIDIsEncoded(t *testing.T) {
	h := peppered(t, password.Pepper{ID: "\x00\xff,$\n=8", Key: first.Key})
	stored := hashOf(t, h, "password")
	require.Len(t, strings.Split(stored, "$"), 6)
	ok, rehash, err := h.Verify(t.Context(), "password", stored)
	require.NoError(t, err)
	require.True(t, ok && !rehash)
}

// TestPepperKeysAreCopied: a caller may wipe its own.
func TestPepperKeysAreCopied(t *testing.T) {
	own := []password.Pepper{{ID: "p1", Key: bytes.Clone(first.Key)}}
	h := peppered(t, own...)
	stored := hashOf(t, h, "password")
	clear(own[0].Key)
	own[0].ID = "p2"
	ok, rehash, err := h.Verify(t.Context(), "password", stored)
	require.NoError(t, err)
	require.True(t, ok && !rehash)
}

func TestPeppersDoNotPrint(t *testing.T) {
	const canary = "c4naryC4NARYc4naryC4NARYc4naryC4NARY"
	opts := password.Options{Params: cheap, Peppers: []password.Pepper{{ID: "p1", Key: []byte(canary)}}}
	h := newHasher(t, opts)
	_, errKey := password.New(&password.Options{Peppers: []password.Pepper{{ID: "p1", Key: []byte(canary[:20])}}})
	stored := hashOf(t, h, "password")
	_, _, errUnknown := peppered(t).Verify(t.Context(), "password", stored)
	_, _, errOther := peppered(t, forged).Verify(t.Context(), "password", stored)
	var text bytes.Buffer
	for _, v := range []any{h, opts, &opts, opts.Peppers, opts.Peppers[0], &opts.Peppers[0], errKey, errUnknown, errOther} {
		fmt.Fprintf(&text, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "v", v)
	}
	coded, err := json.Marshal(opts)
	require.NoError(t, err)
	text.Write(coded)
	key := []byte(canary[:20])
	for _, secret := range []string{string(key), hex.EncodeToString(key), fmt.Sprint(key)[1:60], "YzRuYXJ5QzROQVJZ"} {
		require.NotContains(t, text.String(), secret)
	}
	require.Contains(t, text.String(), `Pepper{ID:"p1"}`)
}
