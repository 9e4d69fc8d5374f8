package jwttoken_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// counting is a verifier that counts what it verifies, since Foreign.Map is called for nothing else.
type counting struct {
	*jwttoken.Tokens
	now   time.Time
	count int
}

func newCounting(keys *jwttoken.Keys, size int) *counting {
	c := &counting{now: clock()}
	c.Tokens = must(jwttoken.New(keys, issuer, audience, &jwttoken.Options{
		CacheSize: size, Now: func() time.Time { return c.now },
		Foreign: &jwttoken.Foreign{Map: func(*passbearer.Claims) error { c.count++; return nil }},
	}))
	return c
}

// verifies reports whether token is good, and how often it was verified for that.
func (c *counting) verifies(token string) (count int, err error) {
	before := c.count
	_, err = c.VerifyToken(ctx, token)
	return c.count - before, err
}

func TestCache(t *testing.T) {
	for alg, key := range algs {
		t.Run(string(alg), func(t *testing.T) {
			v := newCounting(keys(alg, key), 0)
			token := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1", NotBefore: now, Extra: `{"a":1}`}))
			first := must(v.VerifyToken(ctx, token))
			want := *first
			again := must(v.VerifyToken(ctx, strings.Clone(token)))
			require.Equal(t, 1, v.count)
			require.Equal(t, want, *again)

			for i := range len(token) { // no other token is this one
				_, err := v.VerifyToken(ctx, token[:i]+"x"+token[i+1:])
				require.True(t, err != nil || token[i] == 'x', "byte %d", i)
			}
			_, err := v.VerifyToken(ctx, token[:len(token)-1])
			require.ErrorIs(t, err, passbearer.ErrInvalidToken)

			v.now = clock().Add(-31 * time.Second)
			_, err = v.VerifyToken(ctx, token)
			require.EqualError(t, err, "passbearer: invalid token: token is not valid yet")
			v.now = clock().Add(15*time.Minute + 30*time.Second)
			_, err = v.VerifyToken(ctx, token)
			require.EqualError(t, err, "passbearer: invalid token: token has expired")
			require.Equal(t, 1, v.count)
		})
	}
}

func TestCacheOff(t *testing.T) {
	v := newCounting(keys(jwttoken.HS256, secret), -1)
	token := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
	for range 3 {
		count, err := v.verifies(token)
		require.NoError(t, err)
		require.Equal(t, 1, count)
	}
	_, err := jwttoken.NewVerifier(keys(jwttoken.HS256, secret), issuer, audience, &jwttoken.Options{CacheSize: 1<<24 + 1})
	require.ErrorContains(t, err, "CacheSize")
}

// TestCacheOfForgeries: what is not verified takes no place from what is.
func TestCacheOfForgeries(t *testing.T) {
	v := newCounting(keys(jwttoken.HS256, secret), 4)
	token := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
	must(v.VerifyToken(ctx, token))
	head, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	for i := range 1000 {
		_, err := v.VerifyToken(ctx, head+"."+body+"."+b64(fmt.Sprintf("%032d", i)))
		require.ErrorIs(t, err, passbearer.ErrInvalidToken)
		expired := sign(goodHead, payload("jti", fmt.Sprintf(`"%d"`, i), "exp", after(-30)))
		_, err = v.VerifyToken(ctx, expired)
		require.ErrorIs(t, err, passbearer.ErrInvalidToken)
	}
	require.Equal(t, 1, v.count)
	count, err := v.verifies(token)
	require.NoError(t, err)
	require.Zero(t, count)
}

// TestCacheIsBounded: of more tokens than there are slots the last ones are known, and of as many most.
func TestCacheIsBounded(t *testing.T) {
	v := newCounting(keys(jwttoken.HS256, secret), 100) // 128
	tokens := make([]string, 1000)
	for i := range tokens {
		tokens[i] = must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
		must(v.VerifyToken(ctx, tokens[i]))
		count, err := v.verifies(tokens[i])
		require.NoError(t, err)
		require.Zero(t, count)
	}
	known := 0
	for _, token := range tokens {
		if count, _ := v.verifies(token); count == 0 {
			known++
		}
	}
	require.LessOrEqual(t, known, 128)

	half := newCounting(keys(jwttoken.HS256, secret), 2048)
	for _, token := range tokens {
		must(half.VerifyToken(ctx, token))
	}
	before := half.count
	for _, token := range tokens {
		must(half.VerifyToken(ctx, token))
	}
	require.Less(t, half.count-before, 150, "of 1,000 tokens in 2,048 slots")
}

// TestCacheKeepsNoToken: neither what VerifyToken returns nor what the cache is made of is a part of the
// token's memory, the signature included.
func TestCacheKeepsNoToken(t *testing.T) {
	v := newTokens(t, nil)
	token := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1", ClientID: "c1", Scope: "a b", SessionID: "s1", ACR: "1", AMR: "pwd", Extra: `{"a":"b"}`}))
	c := must(v.VerifyToken(ctx, token))
	start := uintptr(unsafe.Pointer(unsafe.StringData(token)))
	signature := token[strings.LastIndexByte(token, '.')+1:]
	fields := reflect.ValueOf(*c)
	for i := range fields.NumField() {
		if fields.Field(i).Kind() == reflect.String {
			text := fields.Field(i).String()
			at := uintptr(unsafe.Pointer(unsafe.StringData(text)))
			require.False(t, start <= at && at < start+uintptr(len(token)), fields.Type().Field(i).Name)
			require.NotContains(t, text, signature)
		}
	}
}

// TestCacheAndKeys: a set that changes takes effect on the next request.
func TestCacheAndKeys(t *testing.T) {
	old, next := must(jwttoken.NewKey(jwttoken.ES256, ecKey, "old")), must(jwttoken.NewKey(jwttoken.EdDSA, edKey, "next"))
	set := must(jwttoken.NewKeys(old))
	v := newCounting(set, 0)
	token := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
	step := func(want int, keys ...jwttoken.Key) {
		t.Helper()
		require.NoError(t, set.Set(keys[0], keys[1:]...))
		count, err := v.verifies(token)
		require.Equal(t, want, count)
		require.Equal(t, want == 1, err == nil)
	}
	step(1, old)
	step(1, old, next)
	step(1, next, old)
	signed := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
	require.True(t, strings.HasPrefix(signed, b64(`{"typ":"JWT","alg":"EdDSA","kid":"next"}`)+"."), "the new first key signs")
	step(0, next)
	_, err := v.verifies(token)
	require.EqualError(t, err, "passbearer: invalid token: header: kid does not name a key")
	step(0, must(jwttoken.NewKey(jwttoken.ES256, must(otherKey(jwttoken.ES256)), "old")))
	step(0, must(jwttoken.NewKey(jwttoken.EdDSA, edKey, "old")))
	step(1, old)
}

// TestCacheInParallel is for -race: keys change while tokens are verified, and no answer is wrong.
func TestCacheInParallel(t *testing.T) {
	a, b := must(jwttoken.NewKey(jwttoken.EdDSA, edKey, "a")), must(jwttoken.NewKey(jwttoken.ES256, ecKey, "b"))
	set := must(jwttoken.NewKeys(a))
	v := must(jwttoken.New(set, issuer, audience, &jwttoken.Options{Now: clock, CacheSize: 4}))
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = must(v.IssueToken(ctx, passbearer.Claims{Subject: fmt.Sprint("u", i)}))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				c, err := v.VerifyToken(ctx, tokens[i%len(tokens)])
				if err != nil || c.Subject != fmt.Sprint("u", i%len(tokens)) {
					t.Errorf("%v %v", c, err)
				}
			}
		})
	}
	all.Go(func() {
		for range 100 {
			if err := set.Set(a, b); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
}

func TestTags(t *testing.T) {
	for _, gcm := range []bool{true, false} {
		tag, other := jwttoken.Tagger(gcm), jwttoken.Tagger(gcm)
		seen := map[[2]uint64]string{}
		for _, token := range []string{"", "a", "b", "a.b", strings.Repeat("a", 16), strings.Repeat("a", 17), strings.Repeat("a", 1000), strings.Repeat("a", 999) + "b", "b" + strings.Repeat("a", 999)} {
			require.Equal(t, tag(token), tag(strings.Clone(token)))
			require.NotEqual(t, tag(token), other(token), "the keys are random")
			require.NotContains(t, seen, tag(token))
			seen[tag(token)] = token
		}
	}
}

// TestCacheAndRevocations: they are asked each time.
func TestCacheAndRevocations(t *testing.T) {
	v := newCounting(keys(jwttoken.HS256, secret), 0)
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	verifier := revocations.Verifier(v)
	token := must(v.IssueToken(ctx, passbearer.Claims{Subject: "u1", SessionID: "s1"}))
	for range 2 {
		must(verifier.VerifyToken(ctx, token))
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	store := &news{passbearer.Revocation{SessionID: "s1"}, make(chan struct{})}
	go revocations.Watch(watching, store)
	<-store.told
	_, err := verifier.VerifyToken(ctx, token)
	require.ErrorIs(t, err, passbearer.ErrInvalidToken)
	require.Equal(t, 1, v.count)
}

// news is a store that has this revocation.
type news struct {
	passbearer.Revocation
	told chan struct{}
}

func (*news) Revoke(context.Context, passbearer.Revocation) error { return nil }

func (n *news) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	tell(passbearer.RevocationNews{Revocations: []passbearer.Revocation{n.Revocation}, Complete: true})
	close(n.told)
	<-ctx.Done()
	return ctx.Err()
}

// TestCacheAndMap: what Foreign.Map makes of the dates is not when a token is valid.
func TestCacheAndMap(t *testing.T) {
	for name, change := range map[string]func(*passbearer.Claims) error{
		"later":  func(c *passbearer.Claims) error { c.Expiry += 3600; return nil },
		"absent": func(c *passbearer.Claims) error { c.Expiry = 0; return nil },
	} {
		at := clock()
		tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), issuer, audience, &jwttoken.Options{
			Leeway: -1, Now: func() time.Time { return at }, Foreign: &jwttoken.Foreign{Map: change}}))
		date := passbearer.NumericDate(at.Unix())
		token := must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1", IssuedAt: date, Expiry: date + 60}))
		for range 2 {
			_, err := tokens.VerifyToken(ctx, token)
			require.NoError(t, err, name)
		}
		at = at.Add(time.Minute)
		_, err := tokens.VerifyToken(ctx, token)
		require.ErrorIs(t, err, passbearer.ErrInvalidToken, name)
	}
}
