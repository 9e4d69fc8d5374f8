package password_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/passbearer/passbearer/password"
	"github.com/stretchr/testify/require"
)

// limit is the default of Options.Limit.
var limit = costs(131072, 8, 8)

const (
	salt = "c29tZXNhbHRzb21lc2FsdA"
	tag  = "9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"
	head = "$argon2id$v=19$m=19456,t=2,p=1$"
)

// badHashes are stored records that must be refused. The rows from PH-049 on
// are of other functions.
var badHashes = []struct{ name, hash string }{
	{"PH-001 4 TiB", "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + tag},
	{"PH-003 4 GiB", "$argon2id$v=19$m=4194304,t=65536,p=64$" + salt + "$" + tag},
	{"PH-004 p over the limit", "$argon2id$v=19$m=19456,t=2,p=255$" + salt + "$" + tag},
	{"PH-006 t=0", "$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + tag},
	{"PH-008 m < 8p", "$argon2id$v=19$m=7,t=2,p=1$" + salt + "$" + tag},
	{"PH-010 m overflows", "$argon2id$v=19$m=18446744073709551617,t=2,p=1$" + salt + "$" + tag},
	{"PH-011 minus", "$argon2id$v=19$m=-19456,t=2,p=1$" + salt + "$" + tag},
	{"PH-012 plus", "$argon2id$v=19$m=+19456,t=2,p=1$" + salt + "$" + tag},
	{"PH-013 leading zero", "$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + tag},
	{"PH-014 hexadecimal", "$argon2id$v=19$m=0x4c00,t=2,p=1$" + salt + "$" + tag},
	{"PH-016 Arabic-Indic digits", "$argon2id$v=19$m=\u0661\u0669,t=2,p=1$" + salt + "$" + tag},
	{"PH-017 order", "$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + tag},
	{"PH-018 duplicate", "$argon2id$v=19$m=19456,m=8,t=2,p=1$" + salt + "$" + tag},
	{"PH-019 p missing", "$argon2id$v=19$m=19456,t=2$" + salt + "$" + tag},
	{"PH-020 keyid and data", "$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAA,data=AAAA$" + salt + "$" + tag},
	{"keyid before p", "$argon2id$v=19$m=19456,t=2,keyid=cDE,p=1$" + salt + "$" + tag},
	{"keyid empty", "$argon2id$v=19$m=19456,t=2,p=1,keyid=$" + salt + "$" + tag},
	{"keyid of 9 bytes", "$argon2id$v=19$m=19456,t=2,p=1,keyid=MTIzNDU2Nzg5$" + salt + "$" + tag},
	{"keyid with padding", "$argon2id$v=19$m=19456,t=2,p=1,keyid=cDE=$" + salt + "$" + tag},
	{"keyid with trailing bits", "$argon2id$v=19$m=19456,t=2,p=1,keyid=cDF$" + salt + "$" + tag},
	{"keyid with LF", "$argon2id$v=19$m=19456,t=2,p=1,keyid=cD\nE$" + salt + "$" + tag},
	{"keyid twice", "$argon2id$v=19$m=19456,t=2,p=1,keyid=cDE,keyid=cDE$" + salt + "$" + tag},
	{"data alone", "$argon2id$v=19$m=19456,t=2,p=1,data=AAAA$" + salt + "$" + tag},
	{"data after keyid", "$argon2id$v=19$m=19456,t=2,p=1,keyid=cDE,data=AAAA$" + salt + "$" + tag},
	{"PH-022 no v", "$argon2id$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"PH-023 v=16", "$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"PH-026 argon2d", "$argon2d$v=19$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"PH-028 no leading $", "argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"PH-030 trailing LF", head + salt + "$" + tag + "\n"},
	{"PH-032 no hash", head + salt},
	{"PH-033 empty hash", head + salt + "$"},
	{"PH-035 1 MiB hash", head + salt + "$" + strings.Repeat("AAAA", 1<<18)},
	{"PH-037 4-byte salt", head + "c2FsdA$" + tag},
	{"PH-038 1 MiB salt", head + strings.Repeat("AAAA", 1<<18) + "$" + tag},
	{"PH-039 padding", head + salt + "==$" + tag + "="},
	{"PH-041 trailing bits", head + "c29tZXNhbHRzb21lc2FsdB$" + tag},
	{"PH-042 length 1 mod 4", head + "c29tZXNhbHRzb21lc2Fsd$" + tag},
	{"PH-043 LF inside", head + "c29tZXNh\nbHRzb21lc2FsdA$" + tag},
	{"PH-045 !", "!"},
	{"PH-045 *", "*"},
	{"PH-045 x", "x"},
	{"PH-049 bcrypt, cost 4", "$2a$04$" + strings.Repeat("a", 53)},
	{"PH-050 bcrypt, short", "$2y$10$" + strings.Repeat("a", 52)},
	{"PH-051 scrypt", "$scrypt$ln=40,r=8,p=1$" + salt + "$" + tag},
	{"PH-053 SSHA", "{SSHA}AAAA"},
	{"PH-053 MD5", "{MD5}AAAA"},
	{"PH-053 md5crypt", "$1$salt$hash"},
	{"PH-053 32 hex digits", "5f4dcc3b5aa765d61d8327deb882cf99"},

	{"m=0", "$argon2id$v=19$m=0,t=2,p=1$" + salt + "$" + tag},
	{"p=0", "$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + tag},
	{"p=256 is not 0", "$argon2id$v=19$m=19456,t=2,p=256$" + salt + "$" + tag},
	{"p=257 is not 1", "$argon2id$v=19$m=19456,t=2,p=257$" + salt + "$" + tag},
	{"t=4294967298 is not 2", "$argon2id$v=19$m=19456,t=4294967298,p=1$" + salt + "$" + tag},
	{"m < 8p, p=8", "$argon2id$v=19$m=63,t=2,p=8$" + salt + "$" + tag},
	{"m empty", "$argon2id$v=19$m=,t=2,p=1$" + salt + "$" + tag},
	{"m one over the limit", "$argon2id$v=19$m=131073,t=2,p=1$" + salt + "$" + tag},
	{"t one over the limit", "$argon2id$v=19$m=19456,t=9,p=1$" + salt + "$" + tag},
	{"p one over the limit", "$argon2id$v=19$m=19456,t=2,p=9$" + salt + "$" + tag},
	{"underscore", "$argon2id$v=19$m=19_456,t=2,p=1$" + salt + "$" + tag},
	{"space", "$argon2id$v=19$m=19456, t=2,p=1$" + salt + "$" + tag},
	{"upper case", "$ARGON2ID$v=19$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"trailing CR in tag", head + salt + "$" + tag[:20] + "\r" + tag[20:]},
	{"LF only in tag", head + salt + "$" + tag[:20] + "\n" + tag[20:]},
	{"a further field", head + salt + "$" + tag + "$"},
	{"URL alphabet", head + salt + "$" + "_" + tag[1:]},
	{"trailing bits in tag", head + salt + "$" + tag[:42] + "R"},
	{"7-byte salt", head + "AAAAAAAAAA$" + tag},
	{"49-byte salt", head + strings.Repeat("A", 66) + "$" + tag},
	{"15-byte tag", head + salt + "$" + strings.Repeat("A", 20)},
	{"65-byte tag", head + salt + "$" + strings.Repeat("A", 87)},
	{"leading space", " " + head + salt + "$" + tag},
	{"257 bytes", strings.Repeat("A", 257)},
}

var goodHashes = []struct{ name, hash string }{
	{"what every bad one is near to", head + salt + "$" + tag},
	{"8-byte salt", head + "AAAAAAAAAAA$" + tag},
	{"48-byte salt", head + strings.Repeat("A", 64) + "$" + tag},
	{"16-byte tag", head + salt + "$" + strings.Repeat("A", 22)},
	{"64-byte tag", head + salt + "$" + strings.Repeat("A", 86)},
	{"least costs", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + tag},
	{"m = 8p", "$argon2id$v=19$m=64,t=1,p=8$" + salt + "$" + tag},
	{"keyid of 1 byte", "$argon2id$v=19$m=19456,t=2,p=1,keyid=AA$" + salt + "$" + tag},
	{"keyid of 8 bytes", "$argon2id$v=19$m=19456,t=2,p=1,keyid=MTIzNDU2Nzg$" + salt + "$" + tag},
	{"argon2i", "$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"at the limit", "$argon2id$v=19$m=131072,t=8,p=8$" + salt + "$" + tag},
}

func TestParseAccepts(t *testing.T) {
	for _, tt := range goodHashes {
		s, err := password.Reencode(tt.hash, limit)
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.hash, s, tt.name)
	}
}

// TestParseRefuses includes PH-044: the empty string is no record. Verify never
// hands it to the parser, since there it stands for a user without a password.
func TestParseRefuses(t *testing.T) {
	for _, tt := range append(badHashes, struct{ name, hash string }{"PH-044 empty", ""}) {
		_, err := password.Reencode(tt.hash, limit)
		require.ErrorIs(t, err, password.ErrHash, tt.name)
	}
}

// TestVerifyRefuses: a bad record is answered like a wrong password, and argon2
// is given only the policy's costs.
func TestVerifyRefuses(t *testing.T) {
	for _, tt := range badHashes {
		h := newHasher(t, password.Options{Params: cheap})
		ok, rehash, err := h.Verify(t.Context(), "password", tt.hash)
		require.ErrorIs(t, err, password.ErrHash, tt.name)
		require.False(t, ok || rehash, tt.name)
		require.Equal(t, password.Stats{Hashes: 1, Work: 128}, h.Stats(), tt.name)
	}
}

// TestParseAllocatesLittle measures the parser alone: 64 KiB is the bound, for
// the records that ask for gigabytes and for those which are long.
func TestParseAllocatesLittle(t *testing.T) {
	for _, tt := range append(badHashes, goodHashes...) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		password.Reencode(tt.hash, limit)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10), tt.name)
	}
}

// TestCopiedHash is PH-055: a hash is bound to its password, not to its user.
func TestCopiedHash(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	ofA := hashOf(t, h, "password of A")
	ok, _, err := h.Verify(t.Context(), "password of B", ofA)
	require.NoError(t, err)
	require.False(t, ok)
}

// TestVectors is PH-057. The records were made by the reference implementation
// (phc-winner-argon2, CC0 or Apache-2.0) as packaged in Debian 12, argon2
// 0~20171227-0.3+deb12u1:
//
//	printf <password> | argon2 <salt> -id -t <t> -k <m> -p <p> -l <tag bytes> -e
//
// The first eight have the inputs and results of golang.org/x/crypto's
// argon2_test.go (BSD-3-Clause). The last is published in FastAPI's tutorial on
// OAuth2 (MIT).
func TestVectors(t *testing.T) {
	for _, tt := range []struct{ plain, hash string }{
		{"password", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"},
		{"password", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$Bo1ismRVk2qm6+YAYLCmWHDb+j3fjUH3"},
		{"password", "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQ$NQrDciL0Nsy1wJcvHr079rlYvyBxhBNi"},
		{"password", "$argon2id$v=19$m=256,t=3,p=2$c29tZXNhbHQ$RmjTCsQYfmh47t6s8P2DxaCjDbLMFu8L"},
		{"password", "$argon2id$v=19$m=4096,t=4,p=4$c29tZXNhbHQ$FF25czqfTuQ+3zPFCb6WuTTVBaTvszxa"},
		{"password", "$argon2id$v=19$m=1024,t=4,p=8$c29tZXNhbHQ$ja+o4AT46pa/fA+T7s9npgR0dhQ9FVd/"},
		{"password", "$argon2id$v=19$m=64,t=2,p=3$c29tZXNhbHQ$ShWzGux8JZC4fR9SC+fZb1ZlgXLeqjB5"},
		{"password", "$argon2id$v=19$m=1024,t=3,p=6$c29tZXNhbHQ$FkC5MvS2DicvXSIHuanGJv+hvYjSNJAW"},
		{"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		{"paßwörd", "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rnU0wDC+ZhU8I8MyGbzwaMN+nG/qIDRPJRWhMsks3Co"},
		{"cafe\u0301", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$LgMRgejoN96Zsu6Rk4hAKdixDnxzcSOQIiyXxhXSLXM"}, // made of NFC
		{"x", "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc$CRdcy0b24rDOJhmj+193eg"},
		{"x", "$argon2id$v=19$m=100,t=1,p=3$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm$+JWq9VQKR9+Ur/1VvS1S1zrLlYa5Ycaqf30Gfz7mN0FuJNw2yj0AknuoIyLpz5YFObPYJfiXn7YvP3dGgjifNQ"},
		{"secret", "$argon2id$v=19$m=65536,t=3,p=4$wagCPXjifgvUFBzq4hqe3w$CYaIb8sB+wtD+Vu/P4uod1+Qof8h+1g7bbDlBID48Rc"},
	} {
		h := newHasher(t, password.Options{})
		ok, _, err := h.Verify(t.Context(), tt.plain, tt.hash)
		require.NoError(t, err, tt.hash)
		require.True(t, ok, tt.hash)
		ok, _, err = h.Verify(t.Context(), tt.plain+"x", tt.hash)
		require.NoError(t, err, tt.hash)
		require.False(t, ok, tt.hash)
	}
}

// FuzzParse: what parses has one spelling, and is within the limit given.
func FuzzParse(f *testing.F) {
	seedHashes(f)
	anything := costs(math.MaxUint32, math.MaxUint32, math.MaxUint8)
	f.Fuzz(func(t *testing.T, s string) {
		again, err := password.Reencode(s, anything)
		if err != nil {
			if !errors.Is(err, password.ErrHash) {
				t.Fatalf("error is not ErrHash: %v", err)
			}
			if _, err := password.Reencode(s, limit); err == nil {
				t.Fatalf("%q parses only with a lower limit", s)
			}
			return
		}
		if again != s {
			t.Fatalf("%q encodes as %q", s, again)
		}
	})
}

// FuzzVerify runs real argon2 within low limits: no input makes it panic, exceed
// the costs or answer without the policy's work.
func FuzzVerify(f *testing.F) {
	seedHashes(f)
	f.Fuzz(func(t *testing.T, hash string) {
		h := newHasher(t, password.Options{Params: costs(16, 2, 1), Limit: costs(64, 2, 4)})
		ok, rehash, err := h.Verify(t.Context(), "password", hash)
		if err != nil && !errors.Is(err, password.ErrHash) && !errors.Is(err, password.ErrPepper) {
			t.Fatalf("%q: %v", hash, err)
		}
		if rehash && !ok || ok && err != nil {
			t.Fatalf("%q: ok %t, rehash %t, error %v", hash, ok, rehash, err)
		}
		if work := h.Stats().Work; !ok && work < 32 || work > 128 {
			t.Fatalf("%q: work %d", hash, work)
		}
	})
}

func seedHashes(f *testing.F) {
	for _, tt := range append(badHashes, goodHashes...) {
		if len(tt.hash) < 1024 {
			f.Add(tt.hash)
		}
	}
	f.Add("")
	f.Add("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$Bo1ismRVk2qm6+YAYLCmWHDb+j3fjUH3")
}
