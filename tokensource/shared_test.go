package tokensource_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/tokensource"
)

// Processes that share a Store share the session: none presents a refresh token that
// another one has replaced.
func TestProcessesShareASession(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		shared := &store{token: r.signIn()}
		processes := []*tokensource.Source{r.open(shared), r.open(shared), r.open(shared)}
		for i := range 300 {
			r.works(processes[(i/7)%3])
			time.Sleep(3 * time.Minute)
		}
		require.Zero(t, r.events.count(passbearer.EventRefreshTokenStolen))
		require.Less(t, r.count(), 100, "they share the access tokens too")
	})
}

// Without sharing, the second rotation of one is the end of both: what the test above
// could not see if it were not so.
func TestProcessesThatShareNothing(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		token := r.signIn()
		a, b := r.open(&store{token: token}), r.open(&store{token: token})
		for range 2 {
			expire()
			r.works(a)
		}
		_, err := b.Token()
		requireEnded(t, err)
		require.Equal(t, 1, r.events.count(passbearer.EventRefreshTokenStolen))
		expire()
		_, err = a.Token()
		requireEnded(t, err)
	})
}

// Both load the same token and present it at the same moment.
func TestProcessesRefreshAtOnce(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		shared := &store{token: r.signIn()}
		a, b := r.open(shared), r.open(shared)
		for range 5 {
			expire()
			r.set(nil, after(time.Second, through), after(3*time.Second, through))
			var wg sync.WaitGroup
			wg.Go(func() { r.works(a) })
			wg.Go(func() { r.works(b) })
			wg.Wait()
		}
		require.Equal(t, 10, r.count())
		require.Equal(t, 5, r.events.count(passbearer.EventRefreshRepeated))
		require.Zero(t, r.events.count(passbearer.EventRefreshTokenStolen))
	})
}

// One cannot save what the other has got too and replaced since, or what another sign-in
// has taken the place of.
func TestUnsavedTokenIsNoNews(t *testing.T) {
	for name, goOn := range map[string]func(*rig, *tokensource.Source){
		"rotated on": func(r *rig, b *tokensource.Source) {
			for range 3 {
				r.works(b)
				expire()
			}
			r.works(b)
		},
		"signed in again": func(r *rig, b *tokensource.Source) {
			if err := b.SetToken(context.Background(), r.signIn()); err != nil {
				panic(err)
			}
		},
	} {
		for how, again := range map[string]func(*rig, *tokensource.Source){
			"asked":   func(r *rig, a *tokensource.Source) { r.works(a) },
			"flushed": func(_ *rig, a *tokensource.Source) { a.Flush(context.Background()) },
		} {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				a, shared := r.signedIn()
				b := r.open(shared)
				expire()
				shared.breakSave(fails)
				_, err := a.Token()
				require.ErrorIs(t, err, errStore)
				shared.breakSave(nil)
				goOn(r, b)
				newest := shared.get().RefreshToken
				again(r, a)
				require.Equal(t, newest, shared.get().RefreshToken, "%s, %s", name, how)
				expire()
				r.works(a)
				r.works(b)
				r.works(r.open(shared))
				require.Zero(t, r.events.count(passbearer.EventRefreshTokenStolen))
			})
		}
	}
}

// A lifetime of 292 years and more is a long one.
func TestEndlessLifetime(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source := r.open(nil)
		token := r.signIn()
		token.ExpiresIn = math.MaxInt64
		require.NoError(t, source.SetToken(t.Context(), token))
		r.works(source)
	})
}

// One is slow to save what the other has got too and replaced since.
func TestOlderTokenInTheStore(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, shared := r.signedIn()
		expire()
		r.works(source)
		older := shared.get()
		expire()
		r.works(source)
		shared.put(&older)
		expire()
		r.works(source)
		require.NotEqual(t, older, shared.get())
		require.Zero(t, r.events.count(passbearer.EventRefreshTokenStolen))
	})
}

// Where a program signs in again, the others go on with that session.
func TestAnotherProcessSignsIn(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		shared := &store{token: r.signIn()}
		a, b := r.open(shared), r.open(shared)
		r.works(a)
		require.NoError(t, r.sessions.EndAll(t.Context(), "u1"))
		expire()
		_, err := a.Token()
		requireEnded(t, err)
		require.NoError(t, b.SetToken(t.Context(), r.signIn()))
		require.Equal(t, r.works(b).AccessToken, r.works(a).AccessToken)
		require.Equal(t, 1, r.count())
	})
}

// The sign-in of another comes while ours is being refused.
func TestAnotherProcessSignsInMeanwhile(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, shared := r.signedIn()
		require.NoError(t, r.sessions.EndAll(t.Context(), "u1"))
		expire()
		next := r.signIn()
		r.set(nil, after(2*time.Second, through))
		var wg sync.WaitGroup
		var got *oauth2.Token
		wg.Go(func() { got = r.works(source) })
		synctest.Wait()
		shared.put(next)
		wg.Wait()
		require.Equal(t, next.AccessToken, got.AccessToken)
		require.Equal(t, 1, r.count())
	})
}

// A server that does not rotate has the same refresh token for all.
func TestSameRefreshTokenInTheStore(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, shared := r.signedIn()
		r.works(source)
		other := r.signIn()
		mine := shared.get()
		time.Sleep(lifetime / 2)
		other.RefreshToken, other.Expiry = mine.RefreshToken, time.Now().Add(lifetime)
		shared.put(other)
		time.Sleep(lifetime / 2)
		token, err := source.Token()
		require.NoError(t, err)
		require.Equal(t, other.AccessToken, token.AccessToken)
		require.Zero(t, r.count())
	})
}
