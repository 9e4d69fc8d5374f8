package jwttoken_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// unverified reads the kid and the exp of a token of ours.
func unverified(token string) (kid string, expiry int64) {
	parts := strings.Split(token, ".")
	var read struct {
		Kid string
		Exp int64
	}
	for _, part := range parts[:2] {
		if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(part)), &read); err != nil {
			panic(err)
		}
	}
	return read.Kid, read.Exp
}

func TestSignsFrom(t *testing.T) {
	key := func(id string, from int) jwttoken.Key {
		return must(jwttoken.NewKey(jwttoken.EdDSA, edKey, id)).SignsFrom(clock().Add(time.Duration(from) * time.Second))
	}
	plain := func(id string) jwttoken.Key { return key(id, 5).SignsFrom(time.Time{}) }
	public := func(id string) jwttoken.Key { return must(jwttoken.NewKey(jwttoken.EdDSA, edKey.Public(), id)) }
	for _, row := range []struct {
		keys []jwttoken.Key
		want string // who signs at 0, 10, 20 and 30 s
	}{
		{[]jwttoken.Key{plain("a")}, "aaaa"},
		{[]jwttoken.Key{plain("a"), plain("b")}, "aaaa"},
		{[]jwttoken.Key{plain("a"), key("b", 10)}, "abbb"},
		{[]jwttoken.Key{key("b", 10), plain("a")}, "abbb"},
		{[]jwttoken.Key{plain("a"), key("b", 11)}, "aabb"},
		{[]jwttoken.Key{plain("a"), key("b", 10), key("c", 30)}, "abbc"},
		{[]jwttoken.Key{key("c", 30), plain("a"), key("b", 10)}, "abbc"},
		{[]jwttoken.Key{plain("a"), key("b", 10), key("c", 10)}, "abbb"},
		{[]jwttoken.Key{key("b", 10)}, "bbbb"},
		{[]jwttoken.Key{key("c", 30), key("b", 20)}, "bbbc"},
		{[]jwttoken.Key{key("b", 20), key("c", 20)}, "bbbb"},
		{[]jwttoken.Key{plain("a"), public("b").SignsFrom(clock())}, "aaaa"},
		{[]jwttoken.Key{key("b", -10), key("a", -20), public("c")}, "bbbb"},
	} {
		at := clock()
		tokens := must(jwttoken.New(must(jwttoken.NewKeys(row.keys...)), issuer, audience, &jwttoken.Options{Now: func() time.Time { return at }}))
		got := ""
		for ; len(got) < 4; at = at.Add(10 * time.Second) {
			token := must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
			_, err := tokens.VerifyToken(ctx, token)
			require.NoError(t, err)
			kid, _ := unverified(token)
			got += kid
		}
		require.Equal(t, row.want, got, "%v", row.keys)
	}
	set := must(jwttoken.NewKeys(key("b", 10)))
	require.Error(t, set.Set(public("b")), "the voice is not lost")
	b, instant := key("b", 0), time.Now()
	require.True(t, b.SignsFrom(instant) == b.SignsFrom(instant.Round(0)), "by the wall clock")
	require.Error(t, set.Set(jwttoken.Key{}.SignsFrom(clock())), "the zero Key stays zero")
}

const (
	lifetime = 60 // seconds, the greatest
	leeway   = 30 // seconds, the default
)

// schedule says by the clock of each of three processes when it learns of the next key, which signs from 100
// on, and when it forgets the old one.
type schedule struct{ learns, forgets [3]int }

// refusals lets three processes, of which the second is late and the third early, issue a token each second,
// and verify all tokens of all that have not expired. It returns how many were refused, and who signed last.
func (s schedule) refusals() (refused int, last string) {
	old, next := must(jwttoken.NewKey(jwttoken.EdDSA, edKey, "old")), must(jwttoken.NewKey(jwttoken.ES256, ecKey, "next"))
	next = next.SignsFrom(clock().Add(100 * time.Second))
	var second int
	at := func(i int) int { return second + [3]int{0, -10, 10}[i] }
	var sets [3]*jwttoken.Keys
	var all [3]*jwttoken.Tokens
	for i := range all {
		sets[i] = must(jwttoken.NewKeys(old))
		all[i] = must(jwttoken.New(sets[i], issuer, audience, &jwttoken.Options{
			MaxLifetime: lifetime * time.Second, Now: func() time.Time { return clock().Add(time.Duration(at(i)) * time.Second) },
		}))
	}
	type issued struct {
		token  string
		expiry int64
	}
	var tokens []issued
	for second = range 250 {
		for i := range all {
			switch at(i) {
			case s.learns[i]:
				must(0, sets[i].Set(old, next))
			case s.forgets[i]:
				must(0, sets[i].Set(next))
			}
			token := must(all[i].IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
			id, expiry := unverified(token)
			tokens, last = append(tokens, issued{token, expiry}), id
		}
		for _, t := range tokens {
			for i, p := range all {
				valid := now+int64(at(i)) < t.expiry+leeway
				if _, err := p.VerifyToken(ctx, t.token); valid && err != nil {
					refused++
				}
			}
		}
		tokens = slices.DeleteFunc(tokens, func(t issued) bool { return now+int64(second)-10 >= t.expiry+leeway })
	}
	return refused, last
}

// TestRotationOfFleet: no token that is valid is refused while each process learns of the next key and forgets
// the old one when it will, within the times that the package's comment gives.
func TestRotationOfFleet(t *testing.T) {
	for _, s := range []schedule{
		{[3]int{1, 40, 80}, [3]int{190, 200, 210}},
		{[3]int{90, 2, 89}, [3]int{240, 190, 220}}, // 90 by the first clock, when the earliest one says 100
	} {
		refused, last := s.refusals()
		require.Zero(t, refused, s)
		require.Equal(t, "next", last)
	}
	for mistake, s := range map[string]schedule{
		"learned when others sign with it": {[3]int{110, 40, 80}, [3]int{190, 200, 210}},
		"forgotten before the last token":  {[3]int{1, 40, 80}, [3]int{188, 200, 210}},
	} {
		refused, _ := s.refusals()
		require.NotZero(t, refused, mistake)
	}
}

// TestRemovedAtOnce: a token that a removed key has signed is refused on the next request, remembered or not,
// and those of a key that was published before are not.
func TestRemovedAtOnce(t *testing.T) {
	bad, spare := must(jwttoken.NewKey(jwttoken.EdDSA, edKey, "bad")), must(jwttoken.NewKey(jwttoken.ES256, ecKey, "spare"))
	set := must(jwttoken.NewKeys(bad, spare.SignsFrom(clock().AddDate(10, 0, 0))))
	for _, size := range []int{0, -1} {
		require.NoError(t, set.Set(bad, spare.SignsFrom(clock().AddDate(10, 0, 0))))
		tokens := must(jwttoken.New(set, issuer, audience, &jwttoken.Options{Now: clock, CacheSize: size}))
		lost := must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
		kept := must(must(jwttoken.New(must(jwttoken.NewKeys(spare)), issuer, audience, &jwttoken.Options{Now: clock})).
			IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
		for range 2 {
			must(tokens.VerifyToken(ctx, lost))
			must(tokens.VerifyToken(ctx, kept))
		}
		require.NoError(t, set.Set(spare))
		_, err := tokens.VerifyToken(ctx, lost)
		require.EqualError(t, err, "passbearer: invalid token: header: kid does not name a key")
		_, err = tokens.VerifyToken(ctx, kept)
		require.NoError(t, err)
		id, _ := unverified(must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1"})))
		require.Equal(t, "spare", id)
		require.NotContains(t, jwks(set), "bad")
	}
}
