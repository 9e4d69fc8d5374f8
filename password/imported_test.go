package password_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/passbearer/passbearer/password"
)

// vectors are hashes by other libraries, as testdata/vectors.py wrote them.
type vectors struct {
	Vectors  []struct{ Library, Password, Hash string }
	Peppered []struct{ Key, Password, Hash string }
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(text, &v))
	require.Greater(t, len(v.Vectors), 90)
	return v
}

// importer obeys the costs of tests, and what the defaults do.
func importer(t testing.TB) *password.Hasher {
	t.Helper()
	return newHasher(t, password.Options{Params: cheap, ImportLeast: password.ImportCosts{Bcrypt: 4}, Concurrency: runtime.GOMAXPROCS(0)})
}

func TestHashesOfOtherLibraries(t *testing.T) {
	h := importer(t)
	for _, v := range readVectors(t).Vectors {
		t.Run(v.Library+" "+v.Hash, func(t *testing.T) {
			t.Parallel()
			ok, rehash, err := h.Verify(t.Context(), v.Password, v.Hash)
			require.NoError(t, err)
			require.True(t, ok)
			require.True(t, rehash)
			ok, rehash, err = h.Verify(t.Context(), "y"+v.Password[1:], v.Hash)
			require.NoError(t, err)
			require.False(t, ok || rehash)
		})
	}
}

// TestVectorsAreTheLibraries: the file is what the libraries make today.
func TestVectorsAreTheLibraries(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import argon2, bcrypt, django, passlib").Run() != nil {
		t.Skip("apt-get install python3-passlib python3-django python3-argon2 python3-bcrypt")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/vectors.py")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	require.NoError(t, err)
	var made vectors
	require.NoError(t, json.Unmarshal(text, &made))
	require.Equal(t, readVectors(t), made)
}

// One short hash of each form, of "password" unless a test says otherwise.
const (
	pbkdf2Salt  = "MDEyMzQ1Njc4OWFiY2RlZg"
	pbkdf2Tag   = "vajIaozrb7q4x.G3R5Y.FIe07ZH3QEjPYV1bs8kEikU"
	django44    = "8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="
	springSalt  = "MDEyMzQ1Njc4OWFiY2RlZg=="
	springTag   = "OAOec05+bXxvuu/1qZ6NUR+xQYvYv7BeL1QxwRpY5Pc="
	hex40       = "5d923b44a6d129f3ddf3e3c8d29412723dcbde72445e8ef6bf3b508fbf17fa4ed4d6b99ca763d8dc"
	bcryptHash  = "$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde"
	bcrypt53    = "abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde"
	scryptTail  = "$MDEyMzQ1Njc4OWFiY2RlZg$jWwWyOwrJADy0pa0WcIVwTF1kiRjSUD1WO0knZ38XAg"
	argon2Other = "$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + tag
)

// goodImports are well-formed, and no password's.
var goodImports = []struct{ name, hash string }{
	{"bcrypt 2a", "$2a$04$" + bcrypt53},
	{"bcrypt 2b", bcryptHash},
	{"bcrypt 2y", "$2y$04$" + bcrypt53},
	{"bcrypt_sha256 of passlib", "$bcrypt-sha256$v=2,t=2b,r=4$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"bcrypt_sha256 of passlib, version 1", "$bcrypt-sha256$2a,4$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"PBKDF2 of passlib", "$pbkdf2-sha256$1000$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"scrypt of passlib", "$scrypt$ln=10,r=8,p=1" + scryptTail},
	{"Django bcrypt", "bcrypt$" + bcryptHash},
	{"Django bcrypt_sha256", "bcrypt_sha256$" + bcryptHash},
	{"Django PBKDF2", "pbkdf2_sha256$1000$seasalt$" + django44},
	{"Django PBKDF2, long salt", "pbkdf2_sha256$1000$" + strings.Repeat("s", 64) + "$" + django44},
	{"Django scrypt", "scrypt$1024$seasalt$8$1$" + django44},
	{"Spring bcrypt", "{bcrypt}" + bcryptHash},
	{"Spring PBKDF2", "{pbkdf2}" + hex40[:78] + "00"},
	{"Spring PBKDF2 5.8", "{pbkdf2@SpringSecurity_v5_8}" + hex40 + hex40[:16]},
	{"Spring scrypt", "{scrypt}$a0801$" + springSalt + "$" + springTag},
	{"Spring scrypt 5.8", "{scrypt@SpringSecurity_v5_8}$a0801$" + springSalt + "$" + springTag},
	{"Spring scrypt without id", "$a0801$" + springSalt + "$" + springTag},
	{"Spring scrypt, 6 digits", "$100101$" + springSalt + "$" + springTag},
}

// wrappedArgon2 are well-formed too, but their work is counted as argon2's.
var wrappedArgon2 = []struct{ name, hash string }{
	{"argon2i", argon2Other},
	{"Django argon2", "argon2" + head + salt + "$" + tag},
	{"Django argon2i", "argon2" + argon2Other},
	{"Spring argon2", "{argon2}" + head + salt + "$" + tag},
	{"Spring argon2 5.8", "{argon2@SpringSecurity_v5_8}" + head + salt + "$" + tag},
}

var badImports = []struct{ name, hash string }{
	{"noop", "{noop}password"},
	{"noop of a hash", "{noop}" + bcryptHash},
	{"ldap", "{ldap}{SSHA}igvD9lOiTXm16dmOw0YWRb9OjK2ThZvdQku2EQ=="},
	{"MD4", "{MD4}{KYp8/QErWyQemYazZQ8UnWWfbGbkYkVC8qMi0duoA84=}152ce09d3261d2b53cac55b2ea4d1c7a"},
	{"MD5", "{MD5}905e382a25eed53e22224223b3581092"},
	{"SHA-1", "{SHA-1}4f31573948ddbfb8ac9dd80107dfad13fd8f2454"},
	{"SHA-256", "{SHA-256}a98efbaf59277bfd1837c33fd4fde67de5bcfd2205bcba0992f6fc32b03a8f88"},
	{"sha256", "{sha256}97cde38028ad898ebc02e690819fa220e88c62e0699403e94fff291cfffaf8410849f27605abcbc0"},
	{"no id", "{}" + bcryptHash},
	{"unknown id", "{bcrypt@v2}" + bcryptHash},
	{"id of another case", "{BCrypt}" + bcryptHash},
	{"id twice", "{bcrypt}{bcrypt}" + bcryptHash},
	{"id without end", "{bcrypt" + bcryptHash},
	{"id of another form", "{bcrypt}" + head + salt + "$" + tag},
	{"id of another form", "{argon2}" + bcryptHash},
	{"id of another form", "{scrypt}$scrypt$ln=10,r=8,p=1" + scryptTail},
	{"id of another form", "argon2$" + bcryptHash},
	{"argon2d", "argon2$argon2d$v=19$m=19456,t=2,p=1$" + salt + "$" + tag},
	{"argon2 of version 16", "argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg"},
	{"argon2 over the limit", "argon2$argon2id$v=19$m=131073,t=2,p=1$" + salt + "$" + tag},
	{"argon2i over the limit", "$argon2i$v=19$m=131073,t=2,p=1$" + salt + "$" + tag},
	{"argon2i with keyid", "$argon2i$v=19$m=64,t=2,p=1,keyid=cDE$" + salt + "$" + tag},
	{"wrapped with keyid", "argon2$argon2id$v=19$m=64,t=2,p=1,keyid=cDE$" + salt + "$" + tag},
	{"Django's unusable mark", "!Vd2oG9kzVVoCQhCBqVnX0jVqTxLj0pR4ZP0dmr6s"},
	{"Django MD5", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3"},
	{"Django SHA-1", "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8"},
	{"Django unsalted SHA-1", "sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700b"},
	{"Django crypt", "crypt$$ab1Hv2Lg7ltQo"},
	{"sha256_crypt", "$5$rounds=5000$usesomesillystri$KqJWpanXZHKq2BOB43TSaYhEWsQ1Lr5QNyPCDH/Tp.6"},
	{"sha512_crypt", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1"},
	{"yescrypt", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"},
	{"phpass", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"},
	{"only a mark", "$"},
	{"only marks", "$$$"},
	{"only an id", "$2b$"},

	{"bcrypt 2x", "$2x$08$" + bcrypt53},
	{"bcrypt 2", "$2$08$" + bcrypt53},
	{"bcrypt 2c", "$2c$08$" + bcrypt53},
	{"bcrypt 2x behind an id", "{bcrypt}$2x$08$" + bcrypt53},
	{"bcrypt cost of one digit", "$2b$8$" + bcrypt53 + "a"},
	{"bcrypt cost with a sign", "$2b$+8$" + bcrypt53},
	{"bcrypt cost with a space", "$2b$ 8$" + bcrypt53},
	{"bcrypt cost 99", "$2b$99$" + bcrypt53},
	{"bcrypt, short", bcryptHash[:59]},
	{"bcrypt, long", bcryptHash + "a"},
	{"bcrypt, LF at the end", bcryptHash + "\n"},
	{"bcrypt, LF in the place of a letter", bcryptHash[:59] + "\n"},
	{"bcrypt, plus sign", bcryptHash[:59] + "+"},
	{"bcrypt, alphabet at the start", bcryptHash[:7] + "$" + bcryptHash[8:]},
	{"bcrypt, alphabet inside", bcryptHash[:40] + "=" + bcryptHash[41:]},
	{"bcrypt_sha256, no salt", "$bcrypt-sha256$v=2,t=2b,r=8$$" + bcrypt53[22:]},
	{"bcrypt_sha256, version 3", "$bcrypt-sha256$v=3,t=2b,r=8$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"bcrypt_sha256, no cost", "$bcrypt-sha256$v=2,t=2b$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"bcrypt_sha256, 2x", "$bcrypt-sha256$v=2,t=2x,r=8$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"bcrypt_sha256, leading zero", "$bcrypt-sha256$v=2,t=2b,r=08$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"bcrypt_sha256, cost 100", "$bcrypt-sha256$v=2,t=2b,r=100$" + bcrypt53[:22] + "$" + bcrypt53[22:]},
	{"bcrypt_sha256, empty", "$bcrypt-sha256$"},
	{"Django bcrypt, one mark", "bcrypt" + bcryptHash},

	{"PBKDF2, no iterations", "$pbkdf2-sha256$$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"PBKDF2, 0 iterations", "$pbkdf2-sha256$0$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"PBKDF2, leading zero", "$pbkdf2-sha256$01000$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"PBKDF2, sign", "$pbkdf2-sha256$+1000$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"PBKDF2, 2^32 + 1000 iterations", "$pbkdf2-sha256$4294968296$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"PBKDF2, 2^64 iterations", "pbkdf2_sha256$18446744073709551616$seasalt$" + django44},
	{"PBKDF2, no salt", "$pbkdf2-sha256$1000$$" + pbkdf2Tag},
	{"PBKDF2, salt of 65 bytes", "$pbkdf2-sha256$1000$" + strings.Repeat("A", 87) + "$" + pbkdf2Tag},
	{"PBKDF2, plus sign", "$pbkdf2-sha256$1000$" + pbkdf2Salt + "$" + strings.Replace(pbkdf2Tag, ".", "+", 1)},
	{"PBKDF2, trailing bits", "$pbkdf2-sha256$1000$" + pbkdf2Salt + "$" + pbkdf2Tag[:42] + "V"},
	{"PBKDF2, LF inside", "$pbkdf2-sha256$1000$" + pbkdf2Salt + "$" + pbkdf2Tag[:20] + "\n" + pbkdf2Tag[20:]},
	{"PBKDF2, tag of another function", "$pbkdf2-sha512$1000$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"PBKDF2, no tag", "$pbkdf2-sha256$1000$" + pbkdf2Salt},
	{"PBKDF2, empty tag", "$pbkdf2-sha256$1000$" + pbkdf2Salt + "$"},
	{"PBKDF2, a further field", "$pbkdf2-sha256$1000$" + pbkdf2Salt + "$" + pbkdf2Tag + "$"},
	{"PBKDF2 of an unknown function", "$pbkdf2-md5$1000$" + pbkdf2Salt + "$" + pbkdf2Tag},
	{"Django PBKDF2, no salt", "pbkdf2_sha256$1000$$" + django44},
	{"Django PBKDF2, salt of 65 bytes", "pbkdf2_sha256$1000$" + strings.Repeat("s", 65) + "$" + django44},
	{"Django PBKDF2, no padding", "pbkdf2_sha256$1000$seasalt$" + django44[:43]},
	{"Django PBKDF2, tag of another function", "pbkdf2_sha1$1000$seasalt$" + django44},
	{"Django PBKDF2, empty", "pbkdf2_sha256$"},
	{"Spring PBKDF2 without id", hex40},
	{"Spring PBKDF2, short", "{pbkdf2}" + hex40[:78]},
	{"Spring PBKDF2, a digit more", "{pbkdf2}" + hex40 + "0"},
	{"Spring PBKDF2, not hexadecimal", "{pbkdf2}" + hex40[:79] + "g"},
	{"Spring PBKDF2, salt of 5.8", "{pbkdf2}" + hex40 + hex40[:16]},
	{"Spring PBKDF2 5.8, salt of before", "{pbkdf2@SpringSecurity_v5_8}" + hex40},
	{"Spring PBKDF2, empty", "{pbkdf2}"},

	{"PH-051 scrypt", "$scrypt$ln=40,r=8,p=1$" + salt + "$" + tag},
	{"scrypt, ln=0", "$scrypt$ln=0,r=8,p=1" + scryptTail},
	{"scrypt, ln=63", "$scrypt$ln=63,r=8,p=1" + scryptTail},
	{"scrypt, ln=64 is not 0", "$scrypt$ln=64,r=8,p=1" + scryptTail},
	{"scrypt, ln=255", "$scrypt$ln=255,r=1,p=1" + scryptTail},
	{"scrypt, r=0", "$scrypt$ln=10,r=0,p=1" + scryptTail},
	{"scrypt, p=0", "$scrypt$ln=10,r=8,p=0" + scryptTail},
	{"scrypt, r of 2^20", "$scrypt$ln=1,r=1048576,p=1" + scryptTail},
	{"scrypt, p of 2^20", "$scrypt$ln=10,r=8,p=1048576" + scryptTail},
	{"scrypt, much memory by r", "$scrypt$ln=1,r=1048575,p=1" + scryptTail},
	{"scrypt, much memory by p", "$scrypt$ln=1,r=8,p=1048575" + scryptTail},
	{"scrypt, order", "$scrypt$r=8,ln=10,p=1" + scryptTail},
	{"scrypt, p missing", "$scrypt$ln=10,r=8" + scryptTail},
	{"scrypt, a further parameter", "$scrypt$ln=10,r=8,p=1,q=1" + scryptTail},
	{"scrypt, no salt", "$scrypt$ln=10,r=8,p=1$$" + tag},
	{"scrypt, short tag", "$scrypt$ln=10,r=8,p=1$" + salt + "$" + strings.Repeat("A", 20)},
	{"scrypt, padding", "$scrypt$ln=10,r=8,p=1$" + salt + "==$" + tag + "="},
	{"scrypt of escrypt", "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D"},
	{"Django scrypt, N no power of 2", "scrypt$1023$seasalt$8$1$" + django44},
	{"Django scrypt, N no power of 2 but even", "scrypt$3072$seasalt$8$1$" + django44},
	{"Django scrypt, N=1", "scrypt$1$seasalt$8$1$" + django44},
	{"Django scrypt, N of 2^32", "scrypt$4294967296$seasalt$8$1$" + django44},
	{"Django scrypt, no salt", "scrypt$1024$$8$1$" + django44},
	{"Django scrypt, no p", "scrypt$1024$seasalt$8$" + django44},
	{"Django scrypt, a further field", "scrypt$1024$seasalt$8$1$" + django44 + "$"},
	{"Django scrypt, fields in passlib's order", "scrypt$1024$8$1$seasalt$" + django44},
	{"Spring scrypt, upper case", "$A0801$" + springSalt + "$" + springTag},
	{"Spring scrypt, leading zero", "$0a0801$" + springSalt + "$" + springTag},
	{"Spring scrypt, 4 digits", "$a080$" + springSalt + "$" + springTag},
	{"Spring scrypt, 7 digits", "$a080101$" + springSalt + "$" + springTag},
	{"Spring scrypt, p=0", "$a0800$" + springSalt + "$" + springTag},
	{"Spring scrypt, r=0", "$a0001$" + springSalt + "$" + springTag},
	{"Spring scrypt, 2^255", "$ff0101$" + springSalt + "$" + springTag},
	{"Spring scrypt, no salt", "$a0801$$" + springTag},
	{"Spring scrypt, no tag", "$a0801$" + springSalt + "$"},
	{"Spring scrypt, no padding", "$a0801$" + pbkdf2Salt + "$" + springTag},
	{"Spring scrypt, no costs", "{scrypt}" + springSalt + "$" + springTag},
}

func TestImportsParse(t *testing.T) {
	h := importer(t)
	for _, tt := range append(goodImports, wrappedArgon2...) {
		require.NoError(t, h.Parse(tt.hash), tt.name)
	}
	for _, tt := range badImports {
		require.ErrorIs(t, h.Parse(tt.hash), password.ErrHash, tt.name)
	}
}

// TestImportsCostThePolicy: whatever comes of a hash of another function, one
// whole hash at the policy's costs is added to it, and a bad one costs just that.
func TestImportsCostThePolicy(t *testing.T) {
	for _, tt := range goodImports {
		h := importer(t)
		ok, rehash, err := h.Verify(t.Context(), "password", tt.hash)
		require.NoError(t, err, tt.name)
		require.False(t, ok || rehash, tt.name)
		require.Equal(t, password.Stats{Hashes: 1, Work: 128, Imports: 1}, h.Stats(), tt.name)
	}
	for _, tt := range badImports {
		h := importer(t)
		ok, rehash, err := h.Verify(t.Context(), "password", tt.hash)
		require.ErrorIs(t, err, password.ErrHash, tt.name)
		require.False(t, ok || rehash, tt.name)
		require.Equal(t, password.Stats{Hashes: 1, Work: 128}, h.Stats(), tt.name)
	}
	for _, tt := range wrappedArgon2 {
		h := newHasher(t, password.Options{Params: costs(19456, 4, 1)})
		h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte { return make([]byte, keyLen) })
		_, _, err := h.Verify(t.Context(), "password", tt.hash)
		require.NoError(t, err, tt.name)
		require.Equal(t, password.Stats{Hashes: 2, Work: 4 * 19456}, h.Stats(), tt.name+": its own work, and what is missing")
	}
}

// TestRightPasswordCostsThePolicy: or a disabled user's right password would
// answer sooner than a wrong one.
func TestRightPasswordCostsThePolicy(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	ok, _, err := h.Verify(t.Context(), "password", "{pbkdf2}"+hex40)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, password.Stats{Hashes: 1, Work: 128, Imports: 1}, h.Stats())
}

// TestImportsAreOutdated even where costs and lengths are the policy's.
func TestImportsAreOutdated(t *testing.T) {
	for _, tt := range []struct {
		policy password.Params
		plain  string
		hash   string
	}{
		{cheap, "password", "argon2" + madeWith(t, 64, 2, 1)},
		{cheap, "password", "{argon2}" + madeWith(t, 64, 2, 1)},
		{costs(4096, 3, 1), "correct horse battery staple", "$argon2i$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$EY12I7uGyoBHzuQuFWt3F/Kvu99fJBY2qYsz2KZSrj8"},
	} {
		ok, rehash, err := newHasher(t, password.Options{Params: tt.policy}).Verify(t.Context(), tt.plain, tt.hash)
		require.NoError(t, err, tt.hash)
		require.True(t, ok, tt.hash)
		require.True(t, rehash, tt.hash)
	}
}

// TestImportCaps is of hashes which are at the edge of what is obeyed, and one
// beyond it; none of the latter may cost anything.
func TestImportCaps(t *testing.T) {
	const b, d, s = "$" + bcrypt53, "$" + pbkdf2Salt + "$" + pbkdf2Tag, scryptTail
	own := &password.Options{
		ImportLeast: password.ImportCosts{Bcrypt: 1, PBKDF2: 1, Scrypt: 2},
		ImportLimit: password.ImportCosts{Bcrypt: 99, PBKDF2: 1 << 31, Scrypt: 1 << 31},
		Limit:       costs(1<<21, 8, 8), // 2 GiB
	}
	low := &password.Options{ImportLimit: password.ImportCosts{Bcrypt: 8, PBKDF2: 2000, Scrypt: 1024}}
	for _, tt := range []struct {
		name string
		opts *password.Options
		hash string
		ok   bool
	}{
		{"PH-049", nil, "$2a$04" + b, false},
		{"PH-049, allowed", own, "$2a$04" + b, true},
		{"bcrypt 3", own, "$2a$03" + b, false},
		{"bcrypt 7", nil, "$2b$07" + b, false},
		{"bcrypt 8", nil, "$2b$08" + b, true},
		{"bcrypt 14", nil, "$2b$14" + b, true},
		{"bcrypt 15", nil, "$2b$15" + b, false},
		{"bcrypt 31", own, "$2b$31" + b, true},
		{"bcrypt 32", own, "$2b$32" + b, false},
		{"bcrypt 9, limit 8", low, "{bcrypt}$2b$09" + b, false},
		{"Django bcrypt 15", nil, "bcrypt_sha256$$2b$15" + b, false},
		{"passlib bcrypt 15", nil, "$bcrypt-sha256$v=2,t=2b,r=15$" + bcrypt53[:22] + "$" + bcrypt53[22:], false},
		{"PBKDF2 999", nil, "$pbkdf2-sha256$999" + d, false},
		{"PBKDF2 1000", nil, "$pbkdf2-sha256$1000" + d, true},
		{"PBKDF2 4 million", nil, "$pbkdf2-sha256$4000000" + d, true},
		{"PBKDF2 over 4 million", nil, "$pbkdf2-sha256$4000001" + d, false},
		{"PBKDF2 2^32 - 1", own, "$pbkdf2-sha256$4294967295" + d, false},
		{"PBKDF2 1", own, "$pbkdf2-sha256$1" + d, true},
		{"Django PBKDF2 2001, limit 2000", low, "pbkdf2_sha256$2001$seasalt$" + django44, false},
		{"Spring PBKDF2, whose id says 185,000 and two blocks", &password.Options{ImportLimit: password.ImportCosts{PBKDF2: 370_000}}, "{pbkdf2}" + hex40, true},
		{"Spring PBKDF2, limit below", &password.Options{ImportLimit: password.ImportCosts{PBKDF2: 369_999}}, "{pbkdf2}" + hex40, false},
		{"scrypt 512 KiB", nil, "$scrypt$ln=9,r=8,p=1" + s, false},
		{"scrypt 512 KiB twice", nil, "$scrypt$ln=9,r=8,p=2" + s, true},
		{"scrypt 1 MiB", nil, "$scrypt$ln=10,r=8,p=1" + s, true},
		{"scrypt 64 MiB, 4 times", nil, "$scrypt$ln=16,r=8,p=4" + s, true},
		{"scrypt 64 MiB, 5 times", nil, "$scrypt$ln=16,r=8,p=5" + s, false},
		{"scrypt 128 MiB and a little", nil, "$scrypt$ln=17,r=8,p=1" + s, false},
		{"scrypt 128 MiB and a little, allowed", own, "$scrypt$ln=17,r=8,p=1" + s, true},
		{"scrypt 112 MiB", nil, "$scrypt$ln=17,r=7,p=1" + s, true},
		{"scrypt 2 KiB", own, "$scrypt$ln=1,r=8,p=1" + s, true},
		{"scrypt 1 KiB", own, "$scrypt$ln=1,r=4,p=1" + s, false},
		{"scrypt of 2 GiB, with 2 GiB", own, "$scrypt$ln=21,r=8,p=1" + s, false},
		{"scrypt 1 MiB twice, limit 1 MiB", low, "$scrypt$ln=10,r=8,p=2" + s, false},
		{"Django scrypt 128 MiB", nil, "scrypt$131072$seasalt$8$1$" + django44, false},
		{"Spring scrypt 128 MiB", nil, "{scrypt}$110801$" + springSalt + "$" + springTag, false},
		{"Spring scrypt 64 MiB", nil, "{scrypt}$100801$" + springSalt + "$" + springTag, true},
		{"argon2id in 32 MiB, limit 19 MiB", &password.Options{Limit: costs(19456, 2, 1)}, "{argon2}$argon2id$v=19$m=32768,t=2,p=1$" + salt + "$" + tag, false},
		{"scrypt in 32 MiB, limit 19 MiB", &password.Options{Limit: costs(19456, 2, 1)}, "$scrypt$ln=15,r=8,p=1" + s, false},
	} {
		h, err := password.New(tt.opts)
		require.NoError(t, err, tt.name)
		if tt.ok {
			require.NoError(t, h.Parse(tt.hash), tt.name)
			continue
		}
		require.ErrorIs(t, h.Parse(tt.hash), password.ErrHash, tt.name)
		ok, _, err := h.Verify(t.Context(), "password", tt.hash)
		require.ErrorIs(t, err, password.ErrHash, tt.name)
		require.False(t, ok, tt.name)
		require.Equal(t, password.Stats{Hashes: 1, Work: 2 * 19456}, h.Stats(), tt.name)
	}
}

// TestImportsAllocateLittle measures what reading a hash takes, before its work.
func TestImportsAllocateLittle(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap})
	for _, tt := range append(badImports, append(goodImports, wrappedArgon2...)...) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.Parse(tt.hash)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10), tt.name)
	}
}

// TestBcryptLimits: the hashes are of the passwords that stand first, made by
// Python's bcrypt (made) and by passlib.
func TestBcryptLimits(t *testing.T) {
	made := map[string]string{}
	for _, v := range readVectors(t).Vectors {
		if strings.HasPrefix(v.Hash, "$2b$04$") || strings.HasPrefix(v.Hash, "bcrypt_sha256$") || strings.HasPrefix(v.Hash, "$pbkdf2-sha256$29000$") || strings.HasPrefix(v.Hash, "$scrypt$ln=10") {
			made[strings.SplitN(v.Hash, "$", 3)[1]+" "+v.Password] = v.Hash
		}
	}
	const plain = "correct horse battery staple"
	x72 := strings.Repeat("x", 72)
	for _, tt := range []struct {
		name, made, typed string
		ok                bool
		err               error
	}{
		{"72 bytes", "2b " + x72, x72, true, nil},
		{"PU-014: 73 bytes, the first 72 are right", "2b " + x72, x72 + "x", false, password.ErrPassword},
		{"1,024 bytes", "2b " + x72, strings.Repeat("x", 1024), false, password.ErrPassword},
		{"NUL after it", "2b " + plain, plain + "\x00", false, password.ErrPassword},
		{"twice, with the NUL between that bcrypt puts there", "2b " + plain, plain + "\x00" + plain, false, password.ErrPassword},
		{"73 bytes, digest before bcrypt", " " + plain, x72 + "x", false, nil},
		{"PBKDF2, NUL after it", "pbkdf2-sha256 " + plain, plain + "\x00", false, password.ErrPassword},
		{"PBKDF2, 1,024 bytes", "pbkdf2-sha256 " + plain, strings.Repeat("x", 1024), false, nil},
		{"scrypt, NUL after it", "scrypt " + plain, plain + "\x00", false, password.ErrPassword},
	} {
		require.Contains(t, made, tt.made)
		h := importer(t)
		ok, _, err := h.Verify(t.Context(), tt.typed, made[tt.made])
		require.ErrorIs(t, err, tt.err, tt.name)
		require.Equal(t, tt.ok, ok, tt.name)
		require.Equal(t, uint64(128), h.Stats().Work, tt.name)
	}
}

// TestImportsAreNotNormalized: other libraries hash what was typed.
func TestImportsAreNotNormalized(t *testing.T) {
	h := importer(t)
	n := 0
	for _, v := range readVectors(t).Vectors {
		composed := norm.NFC.String(v.Password)
		if composed == v.Password {
			continue
		}
		n++
		ok, _, err := h.Verify(t.Context(), composed, v.Hash)
		require.NoError(t, err)
		require.False(t, ok, v.Hash)
	}
	require.Greater(t, n, 8)
}
