//go:build !race

package jwttoken_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// TestAllocations: the race detector empties pools, so these are counted without it.
func TestAllocations(t *testing.T) {
	for alg, key := range algs {
		token, h := guarded(keys(alg, key), 0)
		require.EqualValues(t, 2, allocations(h, token), "%s, seen before", alg)
	}
	token, h := guarded(keys(jwttoken.HS256, secret), -1)
	require.EqualValues(t, 4, allocations(h, token), "first sight")

	_, h = guarded(keys(jwttoken.HS256, secret), 0)
	require.LessOrEqual(t, allocations(h, "garbage"), 4.0, "garbage")
	require.LessOrEqual(t, allocations(h, token[:len(token)-2]+"AA"), 8.0, "forged")
	for _, gcm := range []bool{true, false} {
		tag := jwttoken.Tagger(gcm)
		require.Zero(t, testing.AllocsPerRun(100, func() { tag(token) }))
	}
}

func guarded(keys *jwttoken.Keys, cacheSize int) (token string, h http.Handler) {
	v := must(jwttoken.New(keys, issuer, audience, &jwttoken.Options{CacheSize: cacheSize}))
	token = must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1", Scope: "a b"}))
	return token, passbearer.NewGuard(v, nil).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

func allocations(h http.Handler, token string) float64 {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := &discard{header: make(http.Header)}
	return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header       { return d.header }
func (*discard) WriteHeader(int)             {}
func (*discard) Write(p []byte) (int, error) { return len(p), nil }
