package mac_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/mac"
)

// FuzzSum compares with crypto/hmac, whatever was summed before.
func FuzzSum(f *testing.F) {
	f.Add([]byte(nil), "", "")
	f.Add(make([]byte, 65), "a", strings.Repeat("longer than a block", 10))
	f.Add(make([]byte, 64), strings.Repeat("longer than what is copied at once", 20), strings.Repeat("x", 512))
	f.Fuzz(func(t *testing.T, secret []byte, a, b string) {
		key := mac.NewKey(secret)
		for _, parts := range [][]string{{}, {a}, {b}, {a, b}, {b, a}, {a, "", b}, {a}} {
			text := []byte(strings.Join(parts, ""))
			want := hmac.New(sha256.New, secret)
			want.Write(text)
			require.Equal(t, want.Sum(text), key.Append(text, text))
			sum := key.Sum(parts...)
			require.Equal(t, want.Sum(nil), sum[:])
		}
	})
}

func TestSumConcurrently(t *testing.T) {
	key := mac.NewKey(make([]byte, 32))
	want := [...][mac.Size]byte{key.Sum("0"), key.Sum("1"), key.Sum("2"), key.Sum("3")}
	var all sync.WaitGroup
	for i := range want {
		all.Go(func() {
			for range 1000 {
				if key.Sum(fmt.Sprint(i)) != want[i] {
					t.Error("another's sum")
				}
			}
		})
	}
	all.Wait()
}

func TestKeyPrintsNoSecret(t *testing.T) {
	key := mac.NewKey([]byte("a secret of 24 bytes ..."))
	key.Sum("a")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, secret := range []string{"a secret", "97 32 115", "0x61, 0x20, 0x73", "612073"} {
			require.NotContains(t, fmt.Sprintf(format, key), secret, format)
		}
	}
}

func TestSumIsNotKept(t *testing.T) {
	key := mac.NewKey(make([]byte, 32))
	key.Sum("a password")
	text, sum := key.Left()
	require.Equal(t, make([]byte, len(text)), text)
	require.Equal(t, make([]byte, len(sum)), sum)
}
