package password_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/passbearer/passbearer/password"
)

// FuzzImported checks hashes of any form with the real functions and low caps: what
// is refused costs nothing of its own, what is not is over soon, and all of it
// costs what the policy does.
func FuzzImported(f *testing.F) {
	for _, tt := range slices.Concat(goodImports, wrappedArgon2, badImports) {
		f.Add("password", tt.hash)
	}
	for _, v := range readVectors(f).Vectors {
		f.Add(v.Password, v.Hash)
	}
	f.Add("secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q")
	f.Add("x", "$2b$04$"+bcrypt53)
	f.Add("x", "pbkdf2_sha256$1$s$"+django44)
	f.Add("x", "$scrypt$ln=3,r=1,p=1"+scryptTail)
	f.Add("x", "$30101$"+springSalt+"$"+springTag)
	opts := password.Options{
		Params:      costs(16, 2, 1),
		Limit:       costs(64, 2, 4),
		ImportLeast: password.ImportCosts{Bcrypt: 4, PBKDF2: 1, Scrypt: 1},
		ImportLimit: password.ImportCosts{Bcrypt: 4, PBKDF2: 100, Scrypt: 32},
	}
	f.Fuzz(func(t *testing.T, plain, hash string) {
		h := newHasher(t, opts)
		start := time.Now()
		ok, rehash, err := h.Verify(t.Context(), plain, hash)
		stats := h.Stats()
		switch {
		case time.Since(start) > 5*time.Second: // 1 ms, on a machine at rest
			t.Fatalf("%q takes %v", hash, time.Since(start))
		case err != nil && !errors.Is(err, password.ErrHash) && !errors.Is(err, password.ErrPassword) && !errors.Is(err, password.ErrPepper):
			t.Fatalf("%q: %v", hash, err)
		case errors.Is(err, password.ErrHash) && (stats.Imports != 0 || stats.Work != 32):
			t.Fatalf("%q: %v after %+v", hash, err, stats)
		case stats.Work < 32 || stats.Work > 128 || stats.Imports == 1 && stats.Work != 32:
			t.Fatalf("%q: %+v", hash, stats)
		case ok && err != nil, rehash && !ok, ok && !rehash && !strings.HasPrefix(hash, "$argon2id$"):
			t.Fatalf("%q: ok %t, rehash %t, error %v", hash, ok, rehash, err)
		}
	})
}

// FuzzHash: what Hash makes has one spelling, is verified, and is nobody else's.
func FuzzHash(f *testing.F) {
	f.Add("password", "p1", "passwort")
	f.Add("cafe\u0301", "", "caf\u00e9")
	f.Add("x\x00", "\x00$,=", "x")
	f.Add("\xff", "123456789", "")
	f.Fuzz(func(t *testing.T, plain, id, other string) {
		var peppers []password.Pepper
		if id != "" {
			peppers = []password.Pepper{{ID: id, Key: first.Key}}
		}
		h, err := password.New(&password.Options{Params: costs(8, 1, 1), Peppers: peppers})
		if (err != nil) != (len(id) > 8) {
			t.Fatalf("pepper %q: %v", id, err)
		}
		if err != nil {
			return
		}
		hash, err := h.Hash(t.Context(), plain)
		fit := plain != "" && len(plain) <= password.MaxLength && utf8.ValidString(plain)
		if (err == nil) != fit {
			t.Fatalf("%q: %v", plain, err)
		}
		if !fit {
			return
		}
		if again, err := password.Reencode(hash, costs(8, 1, 1)); err != nil || again != hash {
			t.Fatalf("%q is read as %q: %v", hash, again, err)
		}
		if ok, rehash, err := h.Verify(t.Context(), plain, hash); !ok || rehash || err != nil {
			t.Fatalf("%q: ok %t, rehash %t, error %v", plain, ok, rehash, err)
		}
		if ok, _, _ := h.Verify(t.Context(), other, hash); ok != (utf8.ValidString(other) && norm.NFC.String(other) == norm.NFC.String(plain)) {
			t.Fatalf("%q for %q: %t", other, plain, ok)
		}
	})
}

// FuzzPolicy: how a password is composed makes no difference, and none is made of
// its user's name alone.
func FuzzPolicy(f *testing.F) {
	f.Add("johndoe", "John Doe")
	f.Add("correct horse battery staple", "")
	f.Add("e\u0301\u0301\u0301", "\u00e9@")
	f.Add("12345678901234567890", "\xff")
	f.Fuzz(func(t *testing.T, plain, word string) {
		p := password.Policy{MinLength: 8}
		got, err := p.Check(t.Context(), plain, word)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > password.MaxLength || !utf8.ValidString(plain) || strings.Contains(plain, "\x00") {
			if len(got) != 1 {
				t.Fatalf("%q: %v", plain, got)
			}
			return
		}
		composed := norm.NFC.String(plain)
		if again, _ := p.Check(t.Context(), composed, word); len(composed) <= password.MaxLength && !slices.Equal(again, got) {
			t.Fatalf("%q: %v, and composed %v", plain, got, again)
		}
		if slices.Contains(got, password.ReasonTooShort) != (utf8.RuneCountInString(composed) < 8) {
			t.Fatalf("%q: %v", plain, got)
		}
		own, _ := p.Check(t.Context(), plain, plain)
		if utf8.RuneCountInString(composed) >= 3 && !strings.Contains(plain, "@") && !slices.Contains(own, password.ReasonContext) {
			t.Fatalf("%q is its own user's: %v", plain, own)
		}
	})
}
