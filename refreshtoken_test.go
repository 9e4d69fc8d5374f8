package passbearer_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

const goldenIssuer = "https://issuer.example"

var (
	secretA = bytes.Repeat([]byte{'a'}, 32)
	secretB = bytes.Repeat([]byte{'b'}, 32)
)

func refreshKeys(t testing.TB, issuer string, secrets ...[]byte) *passbearer.RefreshKeys {
	t.Helper()
	keys, err := passbearer.NewRefreshKeys(issuer, secrets...)
	require.NoError(t, err)
	return keys
}

// anyToken returns a token whose spelling has both characters in which the two
// alphabets of base64 differ.
func anyToken(t testing.TB, keys *passbearer.RefreshKeys) (text string, token passbearer.RefreshToken) {
	t.Helper()
	for range 10_000 {
		token = keys.Begin("u1", "app")
		if text = keys.Seal(token); strings.Contains(text, "-") && strings.Contains(text, "_") {
			return text, token
		}
	}
	t.Fatal("no token has - and _")
	return "", token
}

// crafted is a refresh token made by hand, from the wire format as it is
// documented and nothing of the package.
type crafted struct {
	version          byte
	issuer           string
	secret           []byte // the application's
	keyID            []byte // nil means the secret's
	s                [16]byte
	generation       uint64
	userID, clientID string
}

func golden() crafted {
	c := crafted{version: 1, issuer: goldenIssuer, generation: 0x0102030405060708, userID: "u1", clientID: "app"}
	for i := range byte(32) {
		c.secret = append(c.secret, i)
	}
	for i := range byte(16) {
		c.s[i] = 0xf0 | i
	}
	return c
}

func (c crafted) bytes(t testing.TB) []byte {
	t.Helper()
	derived, err := hkdf.Key(sha256.New, c.secret, nil, "passbearer refresh token v1 "+c.issuer, 4+32)
	require.NoError(t, err)
	bound := sha256.New()
	for _, part := range []string{c.issuer, c.userID, c.clientID} {
		fmt.Fprintf(bound, "\x00\x00\x00\x00\x00\x00\x00%c%s", len(part), part)
	}
	b := []byte{c.version}
	if c.keyID == nil {
		c.keyID = derived[:4]
	}
	b = append(b, c.keyID...)
	b = append(b, c.s[:]...)
	b = binary.BigEndian.AppendUint64(b, c.generation)
	b = append(b, bound.Sum(nil)[:16]...)
	mac := hmac.New(sha256.New, derived[4:])
	mac.Write(b)
	return mac.Sum(b)
}

func (c crafted) text(t testing.TB) string {
	t.Helper()
	return base64.RawURLEncoding.EncodeToString(c.bytes(t))
}

// TestRefreshTokenGolden fails when the wire format changes: sessions of the
// release before would end.
func TestRefreshTokenGolden(t *testing.T) {
	const (
		text = "AU_SR7bw8fLz9PX29_j5-vv8_f7_AQIDBAUGBwhssaoJD5V2M2bjM7aCphVmLcMaZi1c6_SnjSZ07yodD3hFxvkIDC36lK1tR200TtQ"
		sid  = "Xts6aK8KEDfzchg_E8jh0w"
	)
	c := golden()
	require.Equal(t, text, c.text(t))
	sum := sha256.Sum256(append([]byte("passbearer sid"), c.s[:]...))
	require.Equal(t, sid, base64.RawURLEncoding.EncodeToString(sum[:16]))

	keys := refreshKeys(t, c.issuer, c.secret)
	token := keys.RefreshTokenOf(c.s, int64(c.generation), c.userID, c.clientID)
	require.Equal(t, text, keys.Seal(token))
	require.Equal(t, sid, token.SessionID())
	opened, ok := keys.Open(text)
	require.True(t, ok)
	require.Equal(t, token, opened)
	s, generation, _ := opened.Fields()
	require.Equal(t, c.s, s)
	require.Equal(t, int64(0x0102030405060708), generation)
}

// TestRefreshTokenSigned is about tokens whose tag is right.
func TestRefreshTokenSigned(t *testing.T) {
	tests := []struct {
		name   string
		change func(*crafted)
		ok     bool
	}{
		{"control", func(*crafted) {}, true},
		{"first generation", func(c *crafted) { c.generation = 0 }, true},
		{"last generation with a successor", func(c *crafted) { c.generation = math.MaxInt64 - 1 }, true},
		{"last generation", func(c *crafted) { c.generation = math.MaxInt64 }, false},
		{"negative generation", func(c *crafted) { c.generation = math.MaxUint64 }, false},
		{"least generation", func(c *crafted) { c.generation = 1 << 63 }, false},
		{"any user and client", func(c *crafted) { c.userID, c.clientID = "", "x" }, true},
		{"version 0", func(c *crafted) { c.version = 0 }, false},
		{"version 2", func(c *crafted) { c.version = 2 }, false},
		{"other key's id", func(c *crafted) { c.keyID = []byte("abcd") }, false},
		{"other secret", func(c *crafted) { c.secret = secretA }, false},
		{"other issuer", func(c *crafted) { c.issuer += "/" }, false},
	}
	keys := refreshKeys(t, goldenIssuer, golden().secret)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := golden()
			tt.change(&c)
			token, ok := keys.Open(c.text(t))
			require.Equal(t, tt.ok, ok)
			if ok {
				require.Equal(t, c.text(t), keys.Seal(token))
			}
		})
	}
}

func TestRefreshTokenRoundTrip(t *testing.T) {
	keys := refreshKeys(t, goldenIssuer, secretA)
	seen := map[string]bool{}
	first, _, _ := keys.Begin("u1", "app").Fields()
	var varies [16]byte
	for range 100 {
		token := keys.Begin("u1", "app")
		s, generation, _ := token.Fields()
		for i := range s {
			varies[i] |= s[i] ^ first[i]
		}
		require.Zero(t, generation)
		require.NotContains(t, seen, string(s[:]), "random")
		seen[string(s[:])] = true
		for g := range int64(3) {
			_, generation, _ = token.Fields()
			require.Equal(t, g, generation)
			text := keys.Seal(token)
			require.Len(t, text, 103)
			require.NotContains(t, seen, text)
			seen[text] = true
			opened, ok := keys.Open(text)
			require.True(t, ok)
			require.Equal(t, token, opened)
			require.Equal(t, text, keys.Seal(opened), "the same again, in whichever process")
			sid := token.SessionID()
			token = token.Successor()
			require.Equal(t, sid, token.SessionID())
		}
	}
	require.Equal(t, bytes.Repeat([]byte{0xff}, 16), varies[:], "every bit of the secret is random")
}

func TestSessionIDIsNotTheSecret(t *testing.T) {
	keys := refreshKeys(t, goldenIssuer, secretA)
	text, token := anyToken(t, keys)
	s, _, _ := token.Fields()
	require.Len(t, token.SessionID(), 22)
	require.NotEqual(t, base64.RawURLEncoding.EncodeToString(s[:]), token.SessionID())
	require.NotContains(t, text, token.SessionID())
	id, err := base64.RawURLEncoding.DecodeString(token.SessionID())
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	require.NotContains(t, string(raw), string(id), "shifted neither")
}

func TestBinding(t *testing.T) {
	keys := refreshKeys(t, goldenIssuer, secretA)
	token := keys.Begin("u1", "app")
	tests := []struct {
		name             string
		userID, clientID string
		binds            bool
	}{
		{"same", "u1", "app", true},
		{"other user", "u2", "app", false},
		{"other client", "u1", "web", false},
		{"swapped", "app", "u1", false},
		{"moved to the right", "u", "1app", false},
		{"moved to the left", "u1a", "pp", false},
		{"no client", "u1", "", false},
		{"joined", "u1app", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.binds, keys.Binds(token, tt.userID, tt.clientID))
			require.Equal(t, tt.binds, keys.Binds(token.Successor(), tt.userID, tt.clientID))
		})
	}
	require.False(t, refreshKeys(t, "https://other.example", secretA).Binds(token, "u1", "app"))
	require.False(t, refreshKeys(t, goldenIssuer+"u", secretA).Binds(token, "1", "app"))
}

// untouchable is a store that may not be called.
type untouchable struct{ t testing.TB }

func (u untouchable) fail() error {
	u.t.Error("the store was called")
	return passbearer.ErrSessionNotFound
}

func (u untouchable) CreateSession(context.Context, passbearer.Session) error { return u.fail() }
func (u untouchable) SessionByID(context.Context, string) (*passbearer.Session, error) {
	return nil, u.fail()
}
func (u untouchable) SwapGeneration(context.Context, string, int64, int64) (*passbearer.Session, bool, error) {
	return nil, false, u.fail()
}
func (u untouchable) EndSession(context.Context, string) error { return u.fail() }
func (u untouchable) UserByName(context.Context, string) (*passbearer.User, error) {
	return nil, u.fail()
}
func (u untouchable) UserByID(context.Context, string) (*passbearer.User, error) {
	return nil, u.fail()
}

// spellings are other texts for the token: all must be refused, though some
// decode to the very same bytes.
func spellings(t testing.TB, text string) map[string]string {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	half := len(text) / 2
	all := map[string]string{
		"padded":                    base64.URLEncoding.EncodeToString(raw),
		"one =":                     text + "=",
		"two =":                     text + "==",
		"standard alphabet":         base64.RawStdEncoding.EncodeToString(raw),
		"standard alphabet, padded": base64.StdEncoding.EncodeToString(raw),
		"hex":                       hex.EncodeToString(raw),
		"raw":                       string(raw),
		"twice":                     text + text,
		"base64 of base64":          base64.RawURLEncoding.EncodeToString([]byte(text)),
		"quoted":                    `"` + text + `"`,
		"percent":                   strings.ReplaceAll(text, "-", "%2D"),
		"upper case":                strings.ToUpper(text),
		"lower case":                strings.ToLower(text),
		"scheme":                    "Bearer " + text,
		"BOM":                       "\ufeff" + text,
		"reversed halves":           text[half:] + text[:half],
		"as long, of line breaks":   strings.Repeat("\n", len(text)),
		"as long, mostly newlines":  text[:4] + strings.Repeat("\r\n", 49) + "\n",
		"as long, of A":             strings.Repeat("A", len(text)),
		"bytes extended":            base64.RawURLEncoding.EncodeToString(append(raw[:len(raw):len(raw)], 0)),
		"bytes truncated":           base64.RawURLEncoding.EncodeToString(raw[:len(raw)-1]),
		"the tag again":             base64.RawURLEncoding.EncodeToString(append(raw[:len(raw):len(raw)], raw[45:]...)),
		"no tag":                    base64.RawURLEncoding.EncodeToString(raw[:45]),
		"zero tag":                  base64.RawURLEncoding.EncodeToString(append(raw[:45:45], make([]byte, 32)...)),
		"much too long":             text + strings.Repeat("A", 1<<12),
	}
	for _, blank := range []string{" ", "\n", "\r\n", "\r", "\t", "\x00", "\u00a0"} {
		all[fmt.Sprintf("%q before", blank)] = blank + text
		all[fmt.Sprintf("%q after", blank)] = text + blank
		all[fmt.Sprintf("%q inside", blank)] = text[:half] + blank + text[half:]
		all[fmt.Sprintf("%q in the place of the last", blank)] = text[:len(text)-len(blank)] + blank
	}
	return all
}

func TestForgedTokensCostNoIO(t *testing.T) {
	store := untouchable{t}
	keys := refreshKeys(t, goldenIssuer, secretA)
	seen := new(events)
	sessions := passbearer.NewSessions(store, store, keys, &passbearer.SessionsOptions{Observer: seen})
	h := passbearer.NewTokenHandler(store, new(fakeIssuer), &passbearer.TokenHandlerOptions{Sessions: sessions, Observer: seen})
	text, _ := anyToken(t, keys)
	want := ""
	refused := func(name, text string) {
		t.Helper()
		w := serve(h, tokenRequest("grant_type", "refresh_token", "refresh_token", text))
		if want == "" {
			require.Equal(t, 400, w.Code)
			require.Contains(t, w.Body.String(), `"error":"invalid_grant"`)
			want = w.Body.String()
		}
		require.Equal(t, want, w.Body.String(), name)
		require.Equal(t, []passbearer.EventKind{passbearer.EventRefreshRefused}, seen.kinds(), name)
		require.ErrorIs(t, seen.all[0].Err, passbearer.ErrForged, name)
		require.Equal(t, "first-party", seen.all[0].ClientID)
		require.NoError(t, sessions.Revoke(t.Context(), "first-party", text), name)
		seen.all = nil
	}
	foreign, _ := anyToken(t, refreshKeys(t, "https://other.example", secretA))
	refused("other issuer", foreign)
	foreign, _ = anyToken(t, refreshKeys(t, goldenIssuer, secretB))
	refused("other secret", foreign)
	refused("a letter", "x")
	refused("another kind of token", "eyJhbGciOiJub25lIn0.e30.")
	for name, other := range spellings(t, text) {
		if utf8.ValidString(other) && !strings.Contains(other, "\x00") { // else it is no form's text
			refused(name, other)
		}
	}
}

// TestOneTokenOneSpelling changes a token in every way that has one place.
func TestOneTokenOneSpelling(t *testing.T) {
	keys := refreshKeys(t, goldenIssuer, secretA, secretB)
	text, token := anyToken(t, keys)
	opened, ok := keys.Open(text)
	require.True(t, ok)
	require.Equal(t, token, opened)
	refused := func(name, other string) {
		if _, ok := keys.Open(other); ok {
			t.Errorf("opened: %s %q", name, other)
		}
	}
	for name, other := range spellings(t, text) {
		refused(name, other)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		refused(fmt.Sprintf("bit %d", bit), base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for i := range len(text) {
		refused("truncated", text[:i])
		refused("beheaded", text[i+1:])
		refused("one left out", text[:i]+text[i+1:])
		for c := range 256 {
			if byte(c) != text[i] {
				refused(fmt.Sprintf("at %d", i), text[:i]+string([]byte{byte(c)})+text[i+1:])
			}
		}
	}
	for i := range len(text) + 1 {
		for _, c := range []string{"A", "_", "=", " ", "\n", "\r", "\r\n"} {
			refused(fmt.Sprintf("inserted at %d", i), text[:i]+c+text[i:])
		}
	}
}

func TestGuessing(t *testing.T) {
	store := untouchable{t}
	sessions := passbearer.NewSessions(store, store, refreshKeys(t, goldenIssuer, secretA), nil)
	text, _ := anyToken(t, refreshKeys(t, goldenIssuer, secretA))
	guess, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	for range 100_000 {
		rand.Read(guess[5:]) // the version and the key's id before are no secret
		require.NoError(t, sessions.Revoke(t.Context(), "app", base64.RawURLEncoding.EncodeToString(guess)))
	}
}

// TestKeyRotation is the order in which an application changes its secret.
func TestKeyRotation(t *testing.T) {
	old := refreshKeys(t, goldenIssuer, secretA)
	accepting := refreshKeys(t, goldenIssuer, secretA, secretB)
	signing := refreshKeys(t, goldenIssuer, secretB, secretA)
	done := refreshKeys(t, goldenIssuer, secretB)
	tests := []struct {
		name           string
		signer, opener *passbearer.RefreshKeys
		ok             bool
	}{
		{"before", old, old, true},
		{"new one there, the old one signs", accepting, old, true},
		{"token of before", old, accepting, true},
		{"the new one signs", signing, accepting, true},
		{"the old one is kept", old, signing, true},
		{"signed with the new one", signing, done, true},
		{"the old one is gone", old, done, false},
		{"the old one signed though the new one was there", accepting, done, false},
		{"too early", signing, old, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, token := anyToken(t, tt.signer)
			opened, ok := tt.opener.Open(text)
			require.Equal(t, tt.ok, ok)
			if !ok {
				return
			}
			require.Equal(t, token, opened, "the same session, whichever key signed")
			require.True(t, tt.opener.Binds(opened, "u1", "app"))
			_, ok = refreshKeys(t, goldenIssuer, secretA).Open(tt.opener.Seal(opened.Successor()))
			require.Equal(t, tt.opener == old || tt.opener == accepting, ok, "the first key signs")
		})
	}
}

func TestNewRefreshKeys(t *testing.T) {
	tests := []struct {
		name    string
		issuer  string
		secrets [][]byte
		err     string
	}{
		{"one", "i", [][]byte{secretA}, ""},
		{"two", "i", [][]byte{secretA, secretB}, ""},
		{"long", "i", [][]byte{bytes.Repeat([]byte("long"), 100)}, ""},
		{"no issuer", "", [][]byte{secretA}, "passbearer: refresh keys need an issuer and a secret"},
		{"no secret", "i", nil, "passbearer: refresh keys need an issuer and a secret"},
		{"empty", "i", [][]byte{{}}, "passbearer: refresh key 0: the secret has 0 bytes, which is below 32"},
		{"short", "i", [][]byte{secretA[:31]}, "passbearer: refresh key 0: the secret has 31 bytes, which is below 32"},
		{"second short", "i", [][]byte{secretA, secretB[:8]}, "passbearer: refresh key 1: the secret has 8 bytes, which is below 32"},
		{"twice", "i", [][]byte{secretA, secretB, secretA}, "passbearer: refresh key 2: its id is that of an earlier one: is a secret there twice?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := passbearer.NewRefreshKeys(tt.issuer, tt.secrets...)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				require.Nil(t, keys)
				return
			}
			require.NoError(t, err)
			text, _ := anyToken(t, keys)
			_, ok := keys.Open(text)
			require.True(t, ok)
		})
	}
}

func TestKeysKeepNoSecretOfTheCaller(t *testing.T) {
	secret := bytes.Clone(secretA)
	keys := refreshKeys(t, goldenIssuer, secret)
	clear(secret)
	text, _ := anyToken(t, keys)
	_, ok := refreshKeys(t, goldenIssuer, secretA).Open(text)
	require.True(t, ok)
}

func TestRefreshSecretsDoNotPrint(t *testing.T) {
	keys := refreshKeys(t, goldenIssuer, secretA)
	token := keys.Begin("u1", "app")
	values := map[string][]any{
		"RefreshKeys{…}":    {keys, *keys},
		"refreshToken{…}":   {token, &token},
		"[RefreshKeys{…}]":  {[]*passbearer.RefreshKeys{keys}, []passbearer.RefreshKeys{*keys}},
		"[refreshToken{…}]": {[]passbearer.RefreshToken{token}},
	}
	for want, list := range values {
		for _, v := range list {
			for _, verb := range []string{"%v", "%+v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%c", "%U", "%g", "%t", "%y", "% x", "%10v", "%-10.3s"} {
				require.Equal(t, want, fmt.Sprintf(verb, v), verb)
			}
			require.Contains(t, fmt.Sprintf("%#v", v), strings.Trim(want, "[]"))
			require.Equal(t, want, strings.TrimSpace(fmt.Sprintln(v)))
		}
	}
	require.Equal(t, "{K:RefreshKeys{…} V:RefreshKeys{…}}", fmt.Sprintf("%+v", struct {
		K *passbearer.RefreshKeys
		V passbearer.RefreshKeys
	}{keys, *keys}))
	var text, js strings.Builder
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&text, nil)), slog.New(slog.NewJSONHandler(&js, nil))} {
		log.Info("m", "pointer", keys, "value", *keys, slog.Any("inside", struct{ K *passbearer.RefreshKeys }{keys}))
	}
	require.Contains(t, text.String(), `pointer=RefreshKeys{…} value=RefreshKeys{…} inside={K:RefreshKeys{…}}`)
	require.Contains(t, js.String(), `"pointer":"RefreshKeys{…}","value":"RefreshKeys{…}","inside":{"K":{}}`)
	for _, v := range []any{keys, *keys, token} {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, "{}", string(b))
	}
}

// TestWhatHoldsKeysDoesNotPrintThem: an unexported field's own Format is not
// asked.
func TestWhatHoldsKeysDoesNotPrintThem(t *testing.T) {
	c := golden()
	derived, err := hkdf.Key(sha256.New, c.secret, nil, "passbearer refresh token v1 "+c.issuer, 4+32)
	require.NoError(t, err)
	store, keys := untouchable{t}, refreshKeys(t, c.issuer, c.secret)
	sessions := passbearer.NewSessions(store, store, keys, nil)
	h := passbearer.NewTokenHandler(store, new(fakeIssuer), &passbearer.TokenHandlerOptions{Sessions: sessions})
	for _, v := range []any{sessions, h, *sessions, *h, struct{ k passbearer.RefreshKeys }{*keys}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d", "%p"} {
			out := fmt.Sprintf(verb, v)
			for _, mac := range []string{"%d", "%x", "%#v"} {
				piece := strings.Trim(fmt.Sprintf(mac, derived[8:16]), "[]")
				require.NotContains(t, out, piece)
			}
		}
	}
}

func FuzzRefreshToken(f *testing.F) {
	keys := refreshKeys(f, goldenIssuer, golden().secret)
	text := golden().text(f)
	f.Add(text)
	f.Add(keys.Seal(keys.Begin("u1", "app")))
	for _, other := range spellings(f, text) {
		f.Add(other)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := keys.Open(text)
		if !ok {
			return
		}
		if again := keys.Seal(token); again != text {
			t.Errorf("%q is also spelled %q", text, again)
		}
		if _, ok := keys.Open(keys.Seal(token.Successor())); !ok {
			_, generation, _ := token.Fields()
			require.EqualValues(t, math.MaxInt64-1, generation, "whatever is opened has a successor")
		}
	})
}
