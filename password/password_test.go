package password_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/passbearer/passbearer/password"
	"github.com/stretchr/testify/require"
)

// cheap costs 128 KiB passes, for tests in which the cost does not matter.
var cheap = costs(64, 2, 1)

func costs(memory, time uint32, threads uint8) password.Params {
	return password.Params{Memory: memory, Time: time, Threads: threads}
}

func newHasher(t testing.TB, o password.Options) *password.Hasher {
	t.Helper()
	h, err := password.New(&o)
	require.NoError(t, err)
	return h
}

func hashOf(t testing.TB, h *password.Hasher, plain string) string {
	t.Helper()
	s, err := h.Hash(t.Context(), plain)
	require.NoError(t, err)
	return s
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts password.Options
		want string // in the error
	}{
		{"no threads", password.Options{Params: costs(64, 1, 0)}, "Threads is below 1"},
		{"no time", password.Options{Params: costs(64, 0, 1)}, "Time is below 1"},
		{"no memory", password.Options{Params: costs(0, 1, 1)}, "Memory is below 8 KiB"},
		{"memory 7", password.Options{Params: costs(7, 1, 1)}, "Memory is below 8 KiB"},
		{"memory 8p-1", password.Options{Params: costs(31, 1, 4)}, "Memory is below 8 KiB"},
		{"memory over default limit", password.Options{Params: costs(131073, 1, 1)}, "Memory is over the limit"},
		{"time over default limit", password.Options{Params: costs(64, 9, 1)}, "Time is over the limit"},
		{"threads over default limit", password.Options{Params: costs(72, 1, 9)}, "Threads is over the limit"},
		{"default params over own limit", password.Options{Limit: cheap}, "Memory is over the limit"},
		{"limit in part", password.Options{Limit: costs(65536, 0, 0)}, "Time is over the limit"},
		{"imports", password.Options{ImportLeast: password.ImportCosts{Bcrypt: 15}}, "ImportLeast is over Options.ImportLimit"},
		{"imports", password.Options{ImportLimit: password.ImportCosts{PBKDF2: 999}}, "ImportLeast is over Options.ImportLimit"},
		{"imports", password.Options{ImportLimit: password.ImportCosts{Scrypt: 1023}}, "ImportLeast is over Options.ImportLimit"},
		{"concurrency", password.Options{Concurrency: -1}, "Concurrency is negative"},
	} {
		h, err := password.New(&tt.opts)
		require.ErrorContains(t, err, tt.want, tt.name)
		require.Nil(t, h, tt.name)
	}
}

func TestNewAcceptsTheEdges(t *testing.T) {
	for _, p := range []password.Params{costs(8, 1, 1), costs(32, 1, 4), costs(131072, 1, 1), costs(64, 8, 8)} {
		_, err := password.New(&password.Options{Params: p})
		require.NoError(t, err, p)
	}
}

func TestDefaultIsOneHasher(t *testing.T) {
	require.Same(t, password.Default(), password.Default())
}

func TestDefaultCosts(t *testing.T) {
	h := newHasher(t, password.Options{})
	s := hashOf(t, h, "correct horse battery staple")
	require.Regexp(t, regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`), s)
	require.Equal(t, password.Stats{Hashes: 1, Work: 2 * 19456}, h.Stats())
	ok, rehash, err := h.Verify(t.Context(), "correct horse battery staple", s)
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, rehash)
}

func TestHashSaltsDiffer(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	require.NotEqual(t, hashOf(t, h, "same"), hashOf(t, h, "same"))
}

// unfit are the passwords which are ErrPassword.
var unfit = []struct{ name, plain string }{
	{"empty", ""},
	{"1025 bytes", strings.Repeat("a", 1025)},
	{"1026 bytes in 513 code points", strings.Repeat("\u00e9", 513)},
	{"PU-018: grows 18 times under NFKC", strings.Repeat("\ufdfa", 350000)},
	{"PU-019: invalid UTF-8", "abc\xff"},
	{"a surrogate in UTF-8", "abc\xed\xa0\x80"},
	{"a cut code point", "abc\xc3"},
}

func TestHashRefusesUnfitPasswords(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	for _, tt := range unfit {
		s, err := h.Hash(t.Context(), tt.plain)
		require.ErrorIs(t, err, password.ErrPassword, tt.name)
		require.Empty(t, s, tt.name)
	}
	require.Zero(t, h.Stats().Hashes, "no work for any of them")
}

func TestPasswordsMatch(t *testing.T) {
	long := strings.Repeat("a", 71)
	for _, tt := range []struct {
		name, set, typed string
		ok               bool
	}{
		{"the same", "hunter22", "hunter22", true},
		{"another", "hunter22", "hunter23", false},
		{"PU-013: first 72 bytes equal", long + "aX", long + "aY", false},
		{"PU-016: ligature ffi is not f f i", "o" + "ffi" + "ce", "o\ufb03ce", false},
		{"PU-050: NFD set, NFC typed", "caf" + "e\u0301", "caf\u00e9", true},
		{"NFC set, NFD typed", "caf\u00e9", "caf" + "e\u0301", true},
		{"PU-048: 64 bytes", strings.Repeat("b", 64), strings.Repeat("b", 64), true},
		{"PU-048: 1024 bytes", strings.Repeat("b", 1024), strings.Repeat("b", 1024), true},
		{"1024 bytes, the last differs", strings.Repeat("b", 1024), strings.Repeat("b", 1023) + "c", false},
		{"1024 bytes which NFC makes longer", strings.Repeat("\U0001D15E", 256), strings.Repeat("\U0001D15E", 256), true},
		{"PU-052: 1 byte", "x", "x", true},
		{"emoji", "\U0001F469\u200D\U0001F4BB", "\U0001F469\u200D\U0001F4BB", true},
		{"blanks count", "pass ", "pass", false},
		{"case counts", "Pass", "pass", false},
		{"NUL does not end it", "pass\x00a", "pass\x00b", false},
	} {
		h := newHasher(t, password.Options{Params: cheap})
		ok, _, err := h.Verify(t.Context(), tt.typed, hashOf(t, h, tt.set))
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.ok, ok, tt.name)
	}
}

// TestRehash makes each hash with other costs than the policy's.
func TestRehash(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	for _, tt := range []struct {
		name, hash string
		rehash     bool
	}{
		{"policy", hashOf(t, h, "password"), false},
		{"less memory", madeWith(t, 63, 2, 1), true},
		{"more memory", madeWith(t, 68, 2, 1), true},
		{"fewer passes", madeWith(t, 64, 1, 1), true},
		{"more passes", madeWith(t, 64, 3, 1), true},
		{"more lanes", madeWith(t, 64, 2, 2), true},
		{"salt of 8, tag of 24", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$Bo1ismRVk2qm6+YAYLCmWHDb+j3fjUH3", true},
		// Made with Debian's argon2, as the vectors of TestVectors.
		{"salt of 8", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI", true},
		{"tag of 24", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$ehljdBIIHfOXJWRAMKZjMHZ+yWSUvuPw", true},
	} {
		ok, rehash, err := h.Verify(t.Context(), "password", tt.hash)
		require.NoError(t, err, tt.name)
		require.True(t, ok, tt.name)
		require.Equal(t, tt.rehash, rehash, tt.name)
		ok, rehash, err = h.Verify(t.Context(), "passwort", tt.hash)
		require.NoError(t, err, tt.name)
		require.False(t, ok, tt.name)
		require.False(t, rehash, tt.name+": only with ok")
	}
}

// madeWith hashes "password" with the given costs.
func madeWith(t testing.TB, memory, time uint32, threads uint8) string {
	t.Helper()
	return hashOf(t, newHasher(t, password.Options{Params: costs(memory, time, threads)}), "password")
}

// TestFailureCostsThePolicy: whatever fails, the work is the policy's; a dearer
// record is the one exception.
func TestFailureCostsThePolicy(t *testing.T) {
	const policy = 64 * 2
	malformed := "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$"
	bomb := "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"
	type row struct {
		name, plain, hash string
		hashes, work      uint64
		err               error
	}
	rows := []row{
		{"wrong password", "wrong", madeWith(t, 64, 2, 1), 1, policy, nil},
		{"no such user", "wrong", "", 1, policy, nil},
		{"unusable marker", "wrong", "!", 1, policy, password.ErrHash},
		{"malformed", "wrong", malformed, 1, policy, password.ErrHash},
		{"over the limit", "wrong", bomb, 1, policy, password.ErrHash},
		{"md5crypt", "wrong", "$1$salt$qJH7.N4xYta3aEG/dfqo/0", 1, policy, password.ErrHash},
		{"PU-008: half the memory", "wrong", madeWith(t, 32, 2, 1), 2, policy, nil},
		{"PU-008: half the passes", "wrong", madeWith(t, 64, 1, 1), 2, policy, nil},
		{"much cheaper", "wrong", madeWith(t, 8, 1, 1), 2, policy, nil},
		{"cheaper by less than a top-up's least", "wrong", madeWith(t, 60, 2, 1), 2, 60*2 + 8*2, nil},
		{"memory rounded down by argon2", "wrong", madeWith(t, 63, 2, 1), 2, 60*2 + 8*2, nil},
		{"other shape, same work", "wrong", madeWith(t, 128, 1, 1), 1, policy, nil},
		{"dearer", "wrong", madeWith(t, 128, 3, 2), 1, 128 * 3, nil},
		{"right password, cheaper record", "password", madeWith(t, 8, 1, 1), 2, 8 + 60*2, nil},
		{"right password, dearer record", "password", madeWith(t, 128, 3, 2), 1, 128 * 3, nil},
	}
	for _, tt := range unfit {
		rows = append(rows, row{tt.name, tt.plain, madeWith(t, 8, 1, 1), 1, policy, password.ErrPassword})
		rows = append(rows, row{tt.name + ", no user", tt.plain, "", 1, policy, password.ErrPassword})
		rows = append(rows, row{tt.name + ", malformed", tt.plain, malformed, 1, policy, password.ErrPassword})
	}
	for _, tt := range rows {
		h := newHasher(t, password.Options{Params: cheap})
		ok, rehash, err := h.Verify(t.Context(), tt.plain, tt.hash)
		require.Equal(t, tt.plain == "password", ok, tt.name)
		require.Equal(t, ok, rehash, tt.name)
		require.ErrorIs(t, err, tt.err, tt.name)
		require.Equal(t, password.Stats{Hashes: tt.hashes, Work: tt.work}, h.Stats(), tt.name)
	}
}

// TestTopUpBounds tries many policies and records: a failed attempt never does
// less than the policy's work, and at most one rounding step or argon2's least
// memory more.
func TestTopUpBounds(t *testing.T) {
	all := grid()
	for _, policy := range all {
		h := newHasher(t, password.Options{Params: policy})
		var done uint64
		h.SetKDF(func(_, _ []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
			require.GreaterOrEqual(t, memory, 8*uint32(threads), "below argon2's least")
			require.LessOrEqual(t, memory, uint32(96), "memory beyond both records")
			done += rounded(memory, threads) * uint64(time)
			return make([]byte, keyLen)
		})
		want := rounded(policy.Memory, policy.Threads) * uint64(policy.Time)
		slack := 8 * uint64(policy.Threads) * uint64(policy.Time)
		for _, c := range all {
			own := rounded(c.Memory, c.Threads) * uint64(c.Time)
			done = 0
			ok, _, err := h.Verify(t.Context(), "wrong", fake(c))
			require.NoError(t, err)
			require.False(t, ok)
			require.GreaterOrEqual(t, done, max(want, own), "policy %v, record %v", policy, c)
			require.Less(t, done, max(want, own)+slack+1, "policy %v, record %v", policy, c)
			require.True(t, own < want || done == own, "dearer record %v topped up", c)
		}
	}
}

func grid() (all []password.Params) {
	for _, memory := range []uint32{8, 9, 16, 31, 33, 64, 95, 96} {
		for time := range uint32(4) {
			for _, threads := range []uint8{1, 2, 3} {
				if memory >= 8*uint32(threads) {
					all = append(all, costs(memory, time+1, threads))
				}
			}
		}
	}
	return all
}

// rounded is m' of RFC 9106 §3.2, written from its formula.
func rounded(memory uint32, threads uint8) uint64 {
	lanes := uint64(threads)
	return 4 * lanes * (uint64(memory) / (4 * lanes))
}

// fake is a record with a tag that is not all zeros.
func fake(p password.Params) string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAQ", p.Memory, p.Time, p.Threads)
}

// TestWholeTagIsCompared flips each bit of a tag in turn.
func TestWholeTagIsCompared(t *testing.T) {
	right := bytes.Repeat([]byte{0x5a}, 32)
	h := newHasher(t, password.Options{Params: cheap})
	h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte { return right })
	stored := hashOf(t, h, "any")
	for bit := range 8 * len(right) {
		wrong := bytes.Clone(right)
		wrong[bit/8] ^= 1 << (bit % 8)
		h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte { return wrong })
		ok, _, err := h.Verify(t.Context(), "any", stored)
		require.NoError(t, err)
		require.False(t, ok, "bit %d", bit)
	}
}

// TestLongPasswordsAreNotHashed: the dummy's input is fixed, so a long password
// makes no more work.
func TestLongPasswordsAreNotHashed(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	var seen []string
	h.SetKDF(func(plain, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte {
		seen = append(seen, string(plain))
		return make([]byte, keyLen)
	})
	for _, tt := range unfit {
		_, _, err := h.Verify(t.Context(), tt.plain, "")
		require.ErrorIs(t, err, password.ErrPassword)
	}
	require.Len(t, seen, len(unfit))
	for _, plain := range seen {
		require.Equal(t, seen[0], plain)
	}
}

// TestNothingSecretIsPrinted is PU-031 for this package: neither errors nor the
// Hasher itself carry a password or a hash.
func TestNothingSecretIsPrinted(t *testing.T) {
	const canary = "c4naryC4NARYc4nary"
	h := newHasher(t, password.Options{Params: cheap})
	stored := hashOf(t, h, canary)
	salt, tag := strings.Split(stored, "$")[4], strings.Split(stored, "$")[5]
	var text strings.Builder
	for _, hash := range []string{
		stored, canary, "$" + canary + "$", "$argon2id$v=19$" + canary,
		"$argon2id$v=19$m=64,t=2,p=1$" + canary + "!$" + tag,
		"$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + canary + "!",
		"$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + canary,
		strings.Replace(stored, "m=64", "m=99999999", 1), stored + "\n",
		"{noop}" + canary, "{" + canary + "}" + canary, canary + "$" + canary,
		"$2b$08$" + canary + "+", "$bcrypt-sha256$" + canary, "pbkdf2_sha256$1000$" + canary + "$" + canary,
		"pbkdf2_sha256$99999999$" + canary + "$" + tag + "=", "$pbkdf2$1000$" + canary + "!$" + tag,
		"{pbkdf2}" + canary, "scrypt$1024$" + canary + "$8$1$" + canary, "$" + canary + "$scrypt$" + canary,
		"$argon2id$v=19$m=64,t=2,p=1,keyid=" + canary + "$" + salt + "$" + tag,
		"$argon2id$v=19$m=64,t=2,p=1,keyid=YzRuYXJ5$" + salt + "$" + tag,
	} {
		for _, plain := range []string{canary, canary + "\xff", strings.Repeat(canary, 100)} {
			_, _, err := h.Verify(t.Context(), plain, hash)
			_, hashErr := h.Hash(t.Context(), plain)
			fmt.Fprintf(&text, "%v %+v %#v %v\n", err, errors.Unwrap(err), err, hashErr)
		}
	}
	fmt.Fprintf(&text, "%v %+v %#v", h, h, h)
	for _, secret := range []string{canary, salt, tag, "99999999", "YzRuYXJ5", "c4nary"} {
		require.NotContains(t, text.String(), secret)
	}
}

// TestZeroConcurrency counts how many hashes the default lets run at once.
func TestZeroConcurrency(t *testing.T) {
	for procs, want := range map[int]int{1: 1, 2: 1, 4: 3} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		h := newHasher(t, password.Options{Params: cheap, Queue: -1})
		require.Equal(t, want, nested(t, h), "GOMAXPROCS %d", procs)
	}
}

// nested calls Hash within Hash until the gate refuses, and returns how many
// ran at once.
func nested(t *testing.T, h *password.Hasher) (most int) {
	h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte {
		most = max(most, h.Stats().Running)
		if _, err := h.Hash(t.Context(), "inner"); err != nil {
			require.ErrorIs(t, err, password.ErrBusy)
		}
		return make([]byte, keyLen)
	})
	hashOf(t, h, "outer")
	return most
}
