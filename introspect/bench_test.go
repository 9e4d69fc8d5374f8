package introspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/introspect"
)

// BenchmarkVerify has a token of 400 bytes that is remembered.
func BenchmarkVerify(b *testing.B) {
	v := newVerifier(b, newSite(answers(activeAnswer)), introspect.Options{CacheFor: 3600e9})
	token := strings.Repeat("a", 400)
	_, err := v.VerifyToken(b.Context(), token)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.VerifyToken(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParallel is the same by all processors, for what the lock costs.
func BenchmarkParallel(b *testing.B) {
	v := newVerifier(b, newSite(answers(activeAnswer)), introspect.Options{CacheFor: 3600e9})
	b.RunParallel(func(p *testing.PB) {
		for n := 0; p.Next(); n++ {
			if _, err := v.VerifyToken(b.Context(), fmt.Sprint("token", n%100)); err != nil {
				b.Error(err)
			}
		}
	})
}
