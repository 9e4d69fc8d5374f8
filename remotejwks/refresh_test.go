package remotejwks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func newSigner(t testing.TB, kid string) *signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := jwttoken.NewKey(jwttoken.ES256, private, kid)
	require.NoError(t, err)
	return &signer{kid, key, private, jwt.SigningMethodES256}
}

// TestStorm: ten thousand tokens with unknown keys at once, and again each second, cost one refresh in 30 s.
func TestStorm(t *testing.T) {
	s := newSigner(t, "one")
	tokens := make([]string, 10_000)
	for i := range tokens {
		tokens[i] = (&signer{fmt.Sprint("unknown", i), s.key, s.private, s.method}).token(t, nil)
	}
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, s)
		v := newVerifier(t, site, new(recorder))
		require.Equal(t, "valid", check(t, v, s.token(t, nil)))
		require.EqualValues(t, 2, site.requests.Load(), "metadata and JWK Set")
		time.Sleep(time.Minute)
		serve := publishes(t, s)
		site.set("/keys", func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); serve(w, r) })
		storm := func() {
			var wg sync.WaitGroup
			for _, token := range tokens {
				wg.Go(func() {
					if got := check(t, v, token); got != "invalid" {
						t.Error(got)
					}
				})
			}
			wg.Wait()
		}
		storm()
		require.EqualValues(t, 4, site.requests.Load())
		begin := time.Now()
		storm()
		require.Zero(t, time.Since(begin), "refused without waiting")
		require.EqualValues(t, 4, site.requests.Load())
		for range 60 {
			time.Sleep(time.Second)
			check(t, v, tokens[0])
		}
		require.EqualValues(t, 8, site.requests.Load())
		time.Sleep(time.Minute)
		check(t, v, s.token(t, map[string]any{"iss": "https://evil.example", "jku": "https://evil.example/"}))
		stranger := &signer{"elsewhere", s.key, s.private, s.method}
		check(t, v, stranger.token(t, map[string]any{"iss": "https://evil.example"}))
		require.EqualValues(t, 8, site.requests.Load(), "another's token is not worth a request")
	})
}

func TestRotation(t *testing.T) {
	one, two := newSigner(t, "one"), newSigner(t, "two")
	synctest.Test(t, func(t *testing.T) {
		site, l := newSite(t, one), new(recorder)
		v := newVerifier(t, site, l)
		old := one.token(t, nil)
		require.Equal(t, "valid", check(t, v, old))
		site.set("/keys", publishes(t, one, two))
		require.Equal(t, "invalid", check(t, v, two.token(t, nil)), "during the back-off")
		time.Sleep(30 * time.Second)
		require.Equal(t, "valid", check(t, v, two.token(t, nil)), "found at first sight")
		require.Equal(t, passbearer.EventKeysRefreshed, l.last().Kind)

		site.set("/keys", publishes(t, two))
		time.Sleep(13 * time.Minute)
		require.Equal(t, "valid", check(t, v, old), "not due, with every jitter")
		time.Sleep(2 * time.Minute)
		check(t, v, old) // begins a refresh
		synctest.Wait()
		require.Equal(t, "invalid", check(t, v, old), "removed, though it is remembered")
		require.Equal(t, "valid", check(t, v, two.token(t, nil)))

		site.set("/keys", publishes(t, one))
		time.Sleep(40 * time.Minute)
		require.Equal(t, "invalid", check(t, v, two.token(t, nil)), "after a time without tokens it is looked first")

		site.set("/keys", says("broken"))
		time.Sleep(15 * time.Minute)
		require.Equal(t, "valid", check(t, v, one.token(t, nil)), "what cannot be read is no news")
		synctest.Wait()
		site.set("/keys", publishes(t, two))
		time.Sleep(23 * time.Hour)
		require.Equal(t, "invalid", check(t, v, one.token(t, nil)), "it is looked first also where it failed long ago")
		site.set("/keys", publishes(t, one))
		time.Sleep(30 * time.Minute)
		require.Equal(t, "valid", check(t, v, one.token(t, nil)))

		site.set("/keys", says(`{"keys":[]}`))
		time.Sleep(15 * time.Minute)
		check(t, v, one.token(t, nil))
		synctest.Wait()
		require.Equal(t, "unavailable", check(t, v, one.token(t, nil)), "all are removed")
	})
}

func TestStale(t *testing.T) {
	one, two := newSigner(t, "one"), newSigner(t, "two")
	synctest.Test(t, func(t *testing.T) {
		site, l := newSite(t, one), new(recorder)
		site.set(wellKnown, isDown)
		v := newVerifier(t, site, l)
		token := one.token(t, map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()})
		lives := func(s *signer) string { return s.token(t, map[string]any{"exp": time.Now().Add(time.Hour).Unix()}) }
		require.Equal(t, "invalid", check(t, v, one.token(t, map[string]any{"iss": "https://evil.example"})))
		require.Equal(t, "invalid", check(t, v, "garbage"), "which no key would make valid")
		require.Zero(t, site.requests.Load())
		require.Equal(t, "unavailable", check(t, v, token))
		require.ErrorContains(t, v.Load(t.Context()), "connection refused")
		synctest.Wait()
		require.Equal(t, passbearer.EventUnavailable, l.last().Kind)
		require.EqualValues(t, 1, site.requests.Load())

		site.set(wellKnown, metadata(issuerURL, "https://id.example/keys"))
		time.Sleep(30 * time.Second)
		require.NoError(t, v.Load(t.Context()))
		require.Equal(t, "valid", check(t, v, lives(one)))

		site.set("/keys", isDown)
		time.Sleep(23*time.Hour + 50*time.Minute)
		require.Equal(t, "valid", check(t, v, lives(one)))
		synctest.Wait()
		require.Equal(t, passbearer.EventKeysStale, l.last().Kind)
		require.ErrorContains(t, l.last().Err, "connection refused")
		require.Equal(t, "invalid", check(t, v, lives(two)))
		time.Sleep(10 * time.Minute)
		require.Equal(t, "unavailable", check(t, v, lives(one)))
		require.Equal(t, passbearer.EventUnavailable, l.last().Kind)
		site.set("/keys", publishes(t, one))
		time.Sleep(30 * time.Second)
		require.Equal(t, "valid", check(t, v, lives(one)))
	})
}

// TestSlow: a request waits for two seconds, a refresh lasts for ten.
func TestSlow(t *testing.T) {
	one := newSigner(t, "one")
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, one)
		site.set("/keys", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		v := newVerifier(t, site, new(recorder))
		begin := time.Now()
		require.Equal(t, "unavailable", check(t, v, one.token(t, nil)))
		require.Equal(t, 2*time.Second, time.Since(begin))
		require.Error(t, v.Load(t.Context()))
		require.Equal(t, 10*time.Second, time.Since(begin))

		hangs := site.answers["/keys"]
		site.set("/keys", publishes(t, one))
		time.Sleep(time.Minute)
		require.NoError(t, v.Load(t.Context()))
		site.set("/keys", hangs)
		for i := range 3 {
			time.Sleep(31 * time.Minute)
			begin = time.Now()
			require.Equal(t, "valid", check(t, v, one.token(t, nil)))
			require.Equal(t, max(0, 1-i)*2, int(time.Since(begin).Seconds()), "once; while the issuer is down it is served at once")
		}
		time.Sleep(time.Minute) // the last refresh ends
	})
}

func TestConcurrent(t *testing.T) {
	one, two := newSigner(t, "one"), newSigner(t, "two")
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, one)
		v := newVerifier(t, site, new(recorder))
		known, unknown := one.token(t, nil), two.token(t, nil)
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				for range 100 {
					if got := check(t, v, known); got != "valid" {
						t.Error(got)
					}
					if i%2 == 0 {
						check(t, v, unknown)
					}
					time.Sleep(20 * time.Second)
				}
			})
		}
		wg.Wait()
	})
}

// TestFirst: of many first requests each finds the keys, also one that comes to ask when they have just been read.
func TestFirst(t *testing.T) {
	one := newSigner(t, "one")
	token := one.token(t, nil)
	site := newSite(t, one)
	for range 500 {
		v := newVerifier(t, site, new(recorder))
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if got := check(t, v, token); got != "valid" {
					t.Error(got)
				}
			})
		}
		wg.Wait()
	}
	require.EqualValues(t, 1000, site.requests.Load())
}

// TestRemembered: reading the same keys again does not make it forget the tokens it has verified.
func TestRemembered(t *testing.T) {
	one := newSigner(t, "one")
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, one)
		v, token := newVerifier(t, site, new(recorder)), one.token(t, nil)
		before, err := v.VerifyToken(t.Context(), token)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		after, err := v.VerifyToken(t.Context(), token)
		require.NoError(t, err)
		require.EqualValues(t, 4, site.requests.Load())
		require.Same(t, before, after)
	})
}
