package mfa_test

import (
	"crypto/rand"
	"testing"
)

// FuzzToken: a token that is not the one that was made is refused before the code is
// looked at; and what is genuine has one spelling, whatever is in it.
func FuzzToken(f *testing.F) {
	r := newRig(f, func(r *rig) { r.secret = []byte(rand.Text() + rand.Text()) }) // each process of the fuzzer has its own
	genuine := r.signIn()
	content := append([]byte{1}, make([]byte, 16+8+8)...)
	for _, text := range []string{genuine, genuine[1:], genuine + "\n", genuine + "==", genuine + "A", "", "e30", "AQ"} {
		f.Add(text, append(content, "\x00\x02u1\x00\x03web\x00\x00\x00\x02me\x00\x03pwd\x00\x00"...))
	}
	f.Add(genuine, content)
	f.Add(genuine, append(content, "\xff\xff"...))
	f.Add(genuine, []byte{2})
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if text != genuine {
			asked := r.asked.Load()
			if a := r.redeem(text, code); a.status != 400 || a.Access != "" || r.asked.Load() != asked {
				t.Errorf("%q: %d %s", text, a.status, a.Error)
			}
		}
		signed := r.second.Sign(content)
		if again, ok := r.second.Reseal(signed); ok && again != signed {
			t.Errorf("%x is another token when it is made again: %s, not %s", content, again, signed)
		}
	})
}
