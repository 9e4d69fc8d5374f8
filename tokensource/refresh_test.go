package tokensource_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/tokensource"
)

// expire waits until the access token is over, and the server forgets nothing.
func expire() { time.Sleep(lifetime) }

func requireTemporary(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, tokensource.ErrSignInRequired)
}

func requireEnded(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, tokensource.ErrSignInRequired)
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_grant", refused.ErrorCode)
}

func TestOneRefreshForAll(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		expire()
		r.set(nil, after(time.Second, through)) // so that all ask while it is under way
		var wg sync.WaitGroup
		tokens := make([]*oauth2.Token, 1000)
		for i := range tokens {
			wg.Go(func() {
				var err error
				if tokens[i], err = source.Token(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, r.count())
		require.Equal(t, 1, saved.saved())
		for _, token := range tokens {
			require.Equal(t, saved.get().AccessToken, token.AccessToken)
		}
		require.NotSame(t, tokens[0], tokens[1], "a caller may change its token")
		tokens[0].AccessToken = "changed"
		r.works(source)
		require.Equal(t, 1, r.count())
	})
}

func TestCallerThatLeavesStopsNothing(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		expire()
		r.set(nil, after(2*time.Second, through))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := source.TokenContext(ctx)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error("the first caller goes when its context ends:", err)
			}
		})
		synctest.Wait()
		wg.Go(func() { r.works(source) })
		wg.Wait()
		require.Equal(t, 1, r.count())
		require.Equal(t, 1, saved.saved())

		expire()
		r.set(nil, after(time.Second, through))
		gone, leave := context.WithCancel(t.Context())
		leave()
		_, err := source.TokenContext(gone)
		require.ErrorIs(t, err, context.Canceled)
		time.Sleep(2 * time.Second) // nobody waits
		require.Equal(t, 2, saved.saved(), "what the server has rotated is saved all the same")
	})
}

func TestSavedBeforeUse(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		old := saved.get()
		expire()
		saved.breakSave(fails)
		for range 3 {
			token, err := source.Token()
			require.ErrorIs(t, err, errStore)
			requireTemporary(t, err)
			require.Nil(t, token, "nobody sees a token that is not saved")
		}
		require.Equal(t, 3, saved.saved())
		require.Equal(t, 1, r.count(), "the refresh token was rotated: there is no second refresh")
		require.Equal(t, old, saved.get())

		saved.breakSave(nil)
		token := r.works(source)
		require.Equal(t, 1, r.count())
		require.Equal(t, saved.get().RefreshToken, token.RefreshToken)
		require.NotEqual(t, old.RefreshToken, token.RefreshToken)
		expire()
		r.works(source)
	})
}

// Where a Store is broken for longer than a token lives, nothing is lost either.
func TestSavedTooLate(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		expire()
		saved.breakSave(fails)
		_, err := source.Token()
		require.ErrorIs(t, err, errStore)
		expire()
		saved.breakSave(nil)
		r.works(source)
		require.Equal(t, 2, r.count())
		require.Equal(t, 3, saved.saved())
	})
}

func TestUnsavedTokenIsFlushed(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		require.NoError(t, source.Flush(t.Context()))
		require.Zero(t, saved.saved())
		expire()
		saved.breakSave(fails)
		_, err := source.Token()
		require.ErrorIs(t, err, errStore)
		require.ErrorIs(t, source.Flush(t.Context()), errStore)
		saved.breakSave(nil)
		require.NoError(t, source.Flush(t.Context()))
		r.works(r.open(saved))
		require.Equal(t, 1, r.count())

		expire()
		r.set(nil, after(time.Second, through)) // a refresh that nobody waits for
		gone, leave := context.WithCancel(t.Context())
		leave()
		_, err = source.TokenContext(gone)
		require.Error(t, err)
		require.ErrorIs(t, source.Flush(gone), context.Canceled)
		require.NoError(t, source.Flush(t.Context()))
		require.Equal(t, 2, r.count())
		require.WithinDuration(t, time.Now().Add(lifetime), saved.get().Expiry, 2*time.Second)
	})
}

// The server has rotated the refresh token, and the client does not know: it presents
// the same one again while the server's grace lasts.
func TestLostResponse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults []fault
		within time.Duration
	}{
		{"lost", []fault{lost}, time.Second},
		{"half an answer", []fault{half}, time.Second},
		{"garbled", []fault{garbled}, time.Second},
		{"nothing arrives", []fault{silent}, 5 * time.Second},
		{"nothing arrives, twice", []fault{silent, silent}, 9 * time.Second},
		{"lost time and again", []fault{lost, half, lost, garbled}, 5 * time.Second},
		{"lost, then unreached, then an error", []fault{lost, unreached, status(502, "<html>")}, 3 * time.Second},
		{"lost, then busy", []fault{lost, status(503, `{"error":"temporarily_unavailable"}`, "Retry-After", "5")}, 6 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				source, saved := r.signedIn()
				expire()
				r.set(nil, tt.faults...)
				began := time.Now()
				r.works(source)
				require.LessOrEqual(t, time.Since(began), tt.within)
				require.Equal(t, len(tt.faults)+1, r.count())
				require.Equal(t, 1, saved.saved())
				require.Equal(t, 1, r.events.count(passbearer.EventRefreshed))
				for range 3 {
					expire()
					r.works(source)
				}
				require.Zero(t, r.events.count(passbearer.EventRefreshTokenStolen))
			})
		})
	}
}

// Repeating is bounded: by then the server would take it for theft.
func TestRepeatingEnds(t *testing.T) {
	for name, broken := range map[string]fault{"at once": unreached, "in time": silent} {
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				source, _ := r.signedIn()
				expire()
				r.set(broken)
				began := time.Now()
				_, err := source.Token()
				requireTemporary(t, err)
				require.Less(t, time.Since(began), 13*time.Second)
				require.Less(t, r.refreshes[len(r.refreshes)-1].Sub(began), passbearer.DefaultGrace)
				require.LessOrEqual(t, r.count(), 7)
				sent := r.count()
				_, err = source.Token()
				requireTemporary(t, err)
				require.Equal(t, sent, r.count(), "nothing is sent for a while")

				r.set(nil)
				time.Sleep(time.Minute)
				_, err = source.Token()
				if name == "at once" {
					require.NoError(t, err, "the server never saw it")
					return
				}
				requireEnded(t, err)
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, tt := range []struct {
		name  string
		code  int
		pairs func() []string
		pause time.Duration
	}{
		{"503", 503, func() []string { return []string{"Retry-After", "60"} }, time.Minute},
		{"429", 429, func() []string { return []string{"Retry-After", "120"} }, 2 * time.Minute},
		{"a time", 503, func() []string { return []string{"Retry-After", date(time.Minute)} }, time.Minute},
		{"a time by another clock", 503, func() []string {
			return []string{"Retry-After", date(time.Hour + time.Minute), "Date", date(time.Hour)}
		}, time.Minute},
		{"too long", 503, func() []string { return []string{"Retry-After", "86400"} }, 5 * time.Minute},
		{"a time too far", 503, func() []string { return []string{"Retry-After", date(24 * time.Hour)} }, 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				source, saved := r.signedIn()
				expire()
				r.set(status(tt.code, `{"error":"temporarily_unavailable"}`, tt.pairs()...))
				began := time.Now()
				_, err := source.Token()
				requireTemporary(t, err)
				require.Zero(t, time.Since(began), "nobody waits that long")
				time.Sleep(tt.pause - time.Second)
				_, again := source.Token()
				require.Equal(t, err, again)
				require.Equal(t, 1, r.count(), "nothing is sent until then")
				r.set(nil)
				time.Sleep(time.Second)
				r.works(source)
				require.Equal(t, 2, r.count())
				require.Equal(t, 1, saved.saved())
			})
		})
	}
}

// A short pause is waited for.
func TestShortRetryAfter(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, _ := r.signedIn()
		expire()
		r.set(nil, status(503, "", "Retry-After", "3"), status(429, "", "Retry-After", "2"), status(408, ""))
		began := time.Now()
		r.works(source)
		require.GreaterOrEqual(t, time.Since(began), 5*time.Second)
		require.Less(t, time.Since(began), 7*time.Second)
	})
}

// However long the server is away, the session goes on.
func TestLongOutage(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, _ := r.signedIn()
		expire()
		r.set(status(503, "<html>down</html>"))
		for range 60 * 10 {
			_, err := source.Token()
			requireTemporary(t, err)
			require.ErrorContains(t, err, "503")
			require.NotContains(t, err.Error(), "html")
			time.Sleep(time.Second)
		}
		require.Less(t, r.count(), 250, "the pauses grow")
		require.Greater(t, r.count(), 50)
		r.set(nil)
		time.Sleep(time.Minute)
		r.works(source)
	})
}

func TestEndOfSession(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		r.works(source)
		require.NoError(t, r.sessions.EndAll(t.Context(), "u1"))
		expire()
		for range 10 {
			_, err := source.Token()
			requireEnded(t, err)
			time.Sleep(time.Hour)
		}
		require.Equal(t, 1, r.count(), "invalid_grant is final")
		require.Zero(t, saved.saved())

		require.NoError(t, source.SetToken(t.Context(), r.signIn()))
		require.Equal(t, 1, saved.saved())
		r.works(source)
		expire()
		r.works(source)
		require.Equal(t, 2, r.count())
	})
}

// The server's word is final too while the access token is valid.
func TestEndOfSessionIsToldEarly(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		r.works(source)
		require.NoError(t, r.sessions.EndAll(t.Context(), "u1"))
		time.Sleep(lifetime - 90*time.Second)
		token := saved.get()
		require.True(t, token.Valid())
		_, err := source.Token()
		requireEnded(t, err)
	})
}

// Other refusals are not the session's end: it is the client's registration that is wrong.
func TestOtherRefusals(t *testing.T) {
	for _, f := range []fault{
		status(401, `{"error":"invalid_client"}`), status(400, `{"error":"invalid_request"}`), status(403, "forbidden"),
		status(307, "", "Location", "https://elsewhere.example/token"), status(500, `{"error":"invalid_grant"}`),
	} {
		bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
			source, _ := r.signedIn()
			expire()
			r.set(f)
			_, err := source.Token()
			requireTemporary(t, err)
			var refused *oauth2.RetrieveError
			require.ErrorAs(t, err, &refused)
			r.set(nil)
			time.Sleep(time.Minute)
			r.works(source)
		})
	}
}

// While the access token is valid, a refresh that fails is nobody's business.
func TestEarlyRefresh(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   fault
		breaks  func(*store)
		repairs func(*store)
	}{
		{"server down", status(503, ""), func(*store) {}, func(*store) {}},
		{"server away", unreached, func(*store) {}, func(*store) {}},
		{"server hangs", after(time.Hour, through), func(*store) {}, func(*store) {}},
		{"wrong client", status(401, `{"error":"invalid_client"}`), func(*store) {}, func(*store) {}},
		{"cannot save", nil, func(s *store) { s.breakSave(fails) }, func(s *store) { s.breakSave(nil) }},
		{"cannot load", nil, func(s *store) { s.breakLoad(fails) }, func(s *store) { s.breakLoad(nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
				source, saved := r.signedIn()
				first := r.works(source)
				require.Zero(t, r.count())
				tt.breaks(saved)
				r.set(tt.fault)
				for time.Until(first.Expiry) > 10*time.Second {
					began := time.Now()
					token := r.works(source)
					require.LessOrEqual(t, time.Since(began), time.Second)
					require.Equal(t, first.AccessToken, token.AccessToken)
					time.Sleep(time.Second)
				}
				require.GreaterOrEqual(t, saved.loaded()+saved.saved()-1, 4, "it was tried, and tried again")
				time.Sleep(time.Until(first.Expiry))
				_, err := source.Token()
				requireTemporary(t, err)
				tt.repairs(saved)
				r.set(nil)
				time.Sleep(time.Minute)
				r.works(source)
				require.Zero(t, r.events.count(passbearer.EventRefreshTokenStolen))
			})
		})
	}
}

// Who begins an early refresh waits for it, a second at most; nobody else does.
func TestEarlyRefreshDelaysOne(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, _ := r.signedIn()
		old := r.works(source)
		time.Sleep(lifetime - 90*time.Second)
		r.set(nil, after(time.Second/2, through))
		var first *oauth2.Token
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { first = r.works(source) })
		synctest.Wait()
		require.Equal(t, old, r.works(source))
		require.Zero(t, time.Since(began))
		wg.Wait()
		require.NotEqual(t, old.AccessToken, first.AccessToken)
		require.Equal(t, 1, r.count())
	})
}

// Programs that were started together do not refresh together.
func TestFleetRefreshesApart(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		const fleet = 100
		sources := make([]*tokensource.Source, fleet)
		for i := range sources {
			sources[i], _ = r.signedIn()
		}
		began := time.Now()
		for r.count() < fleet {
			for _, source := range sources {
				_, err := source.Token()
				require.NoError(t, err)
			}
			time.Sleep(3 * time.Second)
		}
		var thirds [3]int
		for _, at := range r.refreshes { // from 190 to 100 seconds before the end, and what asking takes
			before := began.Add(lifetime).Sub(at)
			require.LessOrEqual(t, before, 190*time.Second)
			require.GreaterOrEqual(t, before, 97*time.Second)
			thirds[min((190*time.Second-before)/(30*time.Second), 2)]++
		}
		for _, n := range thirds {
			require.Greater(t, n, fleet/10, "%v", thirds)
		}
	})
}

// Lifetimes count from the answer's arrival: the server's clock does not matter.
func TestClocksDiffer(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		bubble(t, rigOptions{ahead: ahead}, func(t *testing.T, r *rig) {
			source, _ := r.signedIn()
			for range 100 {
				r.works(source)
				time.Sleep(time.Minute)
			}
			require.GreaterOrEqual(t, r.count(), 100/15)
			require.LessOrEqual(t, r.count(), 100/11)
		})
	}
}

// A token that lives for less than the usual margin is used all the same.
func TestShortLifetimes(t *testing.T) {
	bubble(t, rigOptions{lifetime: 4 * time.Second}, func(t *testing.T, r *rig) {
		source, _ := r.signedIn()
		for range 100 {
			r.works(source)
			time.Sleep(200 * time.Millisecond)
		}
		require.LessOrEqual(t, r.count(), 10)
	})
}

func TestNoSession(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		for _, source := range []*tokensource.Source{r.open(new(store)), r.open(nil), r.open(&store{token: new(oauth2.Token)})} {
			_, err := source.Token()
			require.ErrorIs(t, err, tokensource.ErrSignInRequired)
			require.Error(t, source.SetToken(t.Context(), nil))
			require.Error(t, source.SetToken(t.Context(), new(oauth2.Token)))
			require.NoError(t, source.SetToken(t.Context(), r.signIn()))
			r.works(source)
			expire()
			r.works(source)
		}
		require.Equal(t, 3, r.count())

		token := r.signIn()
		token.RefreshToken = ""
		source := r.open(&store{token: token})
		r.works(source)
		time.Sleep(lifetime - 30*time.Second)
		r.works(source)
		time.Sleep(30 * time.Second)
		_, err := source.Token()
		require.ErrorIs(t, err, tokensource.ErrSignInRequired)

		forever := r.open(&store{token: &oauth2.Token{AccessToken: "a", RefreshToken: "r"}})
		time.Sleep(1000 * time.Hour)
		got, err := forever.Token()
		require.NoError(t, err)
		require.Equal(t, "a", got.AccessToken)
		require.Equal(t, 3, r.count())
	})
}

// A new session is used although it could not be saved at first, and no call gets the
// one before meanwhile.
func TestSetTokenThatCannotBeSaved(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		old := r.works(source)
		saved.breakSave(fails)
		next := r.signIn()
		require.ErrorIs(t, source.SetToken(t.Context(), next), errStore)
		_, err := source.Token()
		require.ErrorIs(t, err, errStore)
		saved.breakSave(nil)
		token := r.works(source)
		require.NotEqual(t, old.AccessToken, token.AccessToken)
		require.Equal(t, next.AccessToken, token.AccessToken)
	})
}

// A sign-in waits for a refresh under way, so that the older session cannot be saved
// over the new one.
func TestSetTokenDuringRefresh(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		expire()
		next := r.signIn()
		r.set(nil, after(time.Second, through))
		var wg sync.WaitGroup
		wg.Go(func() { source.Token() })
		synctest.Wait()
		require.NoError(t, source.SetToken(t.Context(), next))
		wg.Wait()
		require.Equal(t, next.AccessToken, saved.get().AccessToken)
		require.Equal(t, next.AccessToken, r.works(source).AccessToken)
	})
}

// Who waits for a sign-in to be saved does not suffer from what that could not do.
func TestTokenDuringSetToken(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source, saved := r.signedIn()
		expire()
		saved.breakSave(func() error {
			saved.breakSave(nil)
			time.Sleep(time.Second)
			return errStore
		})
		next := r.signIn()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := source.SetToken(t.Context(), next); !errors.Is(err, errStore) {
				t.Error(err)
			}
		})
		synctest.Wait()
		require.Equal(t, next.AccessToken, r.works(source).AccessToken)
		wg.Wait()
	})
}

type ctxKey struct{}

// panicky is a Store that panics, or tells of the context.
type panicky struct{ *store }

func (p panicky) Load(ctx context.Context) (*oauth2.Token, error) {
	if v := ctx.Value(ctxKey{}); v != nil {
		panic(v)
	}
	return p.store.Load(ctx)
}

// A panic does not end the program, and the next call is as good as the first.
func TestStorePanics(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		source := r.open(panicky{&store{token: r.signIn()}})
		_, err := source.TokenContext(context.WithValue(t.Context(), ctxKey{}, "a value of the caller"))
		requireTemporary(t, err)
		require.ErrorContains(t, err, "a value of the caller")
		r.works(source)
	})
}

func TestMistakes(t *testing.T) {
	require.Panics(t, func() { tokensource.New(nil, nil, nil) })
	require.Panics(t, func() { tokensource.New(new(oauth2.Config), nil, nil) })
	config := &oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: "https://api.example/token"}}
	require.Panics(t, func() { tokensource.New(config, nil, &tokensource.Options{Timeout: -1}) })
	require.NotPanics(t, func() { tokensource.New(config, nil, nil) })
}
