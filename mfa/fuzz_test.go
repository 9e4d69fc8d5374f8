package mfa_test

import (
	"crypto/rand"
	"slices"
	"testing"
)

// FuzzToken: a token that is not the one that was made is refused before the code is
// looked at; and what is genuine has one spelling, whatever is in it.
func FuzzToken(f *testing.F) {
	r := newRig(f, func(r *rig) { r.secret = []byte(rand.Text() + rand.Text()) }) // each process of the fuzzer has its own
	genuine := r.signIn()
	head := append([]byte{1}, make([]byte, 16+8+8)...)
	for _, text := range []string{genuine, genuine[1:], genuine + "\n", genuine + "==", genuine + "A", "", "e30", "AQ"} {
		f.Add(text, slices.Concat(head, []byte("\x00\x02u1\x00\x03web\x00\x00\x00\x02me\x00\x03pwd\x00\x00")))
	}
	for _, content := range [][]byte{nil, {2}, head, slices.Concat(head, make([]byte, 6*2)), slices.Concat(head, make([]byte, 6*2+1)),
		slices.Concat([]byte{2}, head[1:], make([]byte, 6*2)), slices.Concat(head, []byte("\xff\xff"))} {
		f.Add(genuine, content)
	}
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if text != genuine {
			asked := r.asked.Load()
			if a := r.redeem(text, code); a.status != 400 || a.Access != "" || r.asked.Load() != asked {
				t.Errorf("%q: %d %s", text, a.status, a.Error)
			}
		}
		signed := r.second.Sign(content)
		if again, opened := r.second.Reseal(signed); opened && again != signed {
			t.Errorf("%x is another token when it is made again: %s, not %s", content, again, signed)
		}
	})
}
