package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/introspect"
)

const inactiveAnswer = `{"active":false}`

// TestRemembered tells when the server is asked again.
func TestRemembered(t *testing.T) {
	expires := func(after time.Duration) string {
		return fmt.Sprintf(`{"active":true,"aud":"%s","exp":%d}`, audience, time.Now().Add(after).Unix())
	}
	for name, tt := range map[string]struct {
		answer   func() string
		cacheFor time.Duration
		last     time.Duration // the time up to which the first answer serves
	}{
		"active":              {func() string { return activeAnswer }, 0, 30 * time.Second},
		"active, longer":      {func() string { return activeAnswer }, time.Minute, time.Minute},
		"active, expires":     {func() string { return expires(10 * time.Second) }, 0, 10 * time.Second},
		"inactive":            {func() string { return inactiveAnswer }, 0, 5 * time.Second},
		"inactive, shorter":   {func() string { return inactiveAnswer }, time.Second, time.Second},
		"for others":          {func() string { return `{"active":true,"aud":"x"}` }, 0, 5 * time.Second},
		"nothing, active":     {func() string { return activeAnswer }, -1, 0},
		"nothing, inactive":   {func() string { return inactiveAnswer }, -1, 0},
		"malformed":           {func() string { return "" }, 0, 0},
		"active, late answer": {func() string { time.Sleep(2 * time.Second); return activeAnswer }, 0, 28 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(nil)
				s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answers(tt.answer())(w, r) })
				v := newVerifier(t, s, introspect.Options{CacheFor: tt.cacheFor})
				first := outcome(v.VerifyToken(t.Context(), "x"))
				if tt.last > 0 {
					time.Sleep(tt.last - time.Nanosecond)
					require.Equal(t, first, outcome(v.VerifyToken(t.Context(), "x")))
					require.Equal(t, 1, s.count("x"))
					time.Sleep(time.Nanosecond)
				}
				s.Handler = answers(inactiveAnswer)
				require.Equal(t, "invalid", outcome(v.VerifyToken(t.Context(), "x")))
				require.Equal(t, 2, s.count("x"))
			})
		})
	}
}

// TestOneQuestion: the first caller goes, and the others get what it asked for.
func TestOneQuestion(t *testing.T) {
	for _, cacheFor := range []time.Duration{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			s := newSite(nil)
			s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-release:
				case <-r.Context().Done():
				}
				answers(activeAnswer)(w, r)
			})
			v := newVerifier(t, s, introspect.Options{CacheFor: cacheFor})
			gone := errors.New("gone")
			first, cancel := context.WithCancelCause(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := v.VerifyToken(first, "x")
				if !errors.Is(err, gone) {
					t.Errorf("the first caller: %v", err)
				}
			})
			synctest.Wait()
			for range 20 {
				wg.Go(func() {
					if got := outcome(v.VerifyToken(t.Context(), "x")); got != "valid" {
						t.Errorf("another caller: %s", got)
					}
				})
			}
			synctest.Wait()
			cancel(gone)
			synctest.Wait()
			require.Equal(t, 1, s.count("x"))
			close(release)
			wg.Wait()
			require.Equal(t, 1, s.count("x"))
		})
	}
}

// TestNobodyWaits: a question that all have left is given up, and the next caller asks
// anew, though it may take a while to end.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		givenUp, end := make(chan struct{}), make(chan struct{})
		s := newSite(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			close(givenUp)
			<-end
		})
		v := newVerifier(t, s, introspect.Options{Timeout: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			go func() { _, _ = v.VerifyToken(ctx, "x") }()
		}
		synctest.Wait()
		began := time.Now()
		cancel()
		<-givenUp
		synctest.Wait()
		release := make(chan struct{})
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-release
			answers(activeAnswer)(w, r)
		})
		var wg sync.WaitGroup
		ask := func() {
			wg.Go(func() {
				if got := outcome(v.VerifyToken(t.Context(), "x")); got != "valid" {
					t.Errorf("a later caller: %s", got)
				}
			})
			synctest.Wait()
			require.Equal(t, 2, s.count("x"))
		}
		ask()
		close(end)
		synctest.Wait()
		ask() // what was given up, and has ended now, is not in the way of the second question
		close(release)
		wg.Wait()
		require.Zero(t, time.Since(began), "and nobody waited for its Timeout")
	})
}

// TestAtOnce: whatever arrives, 64 requests are under way, and who waits too long is
// told so.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		s := newSite(func(_ http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-r.Context().Done()
		})
		v := newVerifier(t, s, introspect.Options{Timeout: time.Second})
		var wg sync.WaitGroup
		var broken atomic.Int32
		began := time.Now()
		for i := range 200 {
			wg.Go(func() {
				if outcome(v.VerifyToken(t.Context(), fmt.Sprint(i))) == "broken" {
					broken.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 64, most.Load())
		require.EqualValues(t, 200, broken.Load())
		require.Equal(t, time.Second, time.Since(began))
		s.Handler = answers(activeAnswer)
		require.Equal(t, "valid", outcome(v.VerifyToken(t.Context(), "x")), "every slot is free again")
	})
}

// TestBound: what is remembered has a bound, and refused tokens do not crowd out good
// ones.
func TestBound(t *testing.T) {
	s := newSite(nil)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("token")[0] == 'a' {
			answers(activeAnswer)(w, r)
			return
		}
		answers(inactiveAnswer)(w, r)
	})
	v := newVerifier(t, s, introspect.Options{MaxEntries: 10})
	ask := func(prefix string, n int) {
		for i := range n {
			_, _ = v.VerifyToken(t.Context(), fmt.Sprint(prefix, i))
		}
	}
	ask("a", 5)
	ask("b", 1000)
	ask("a", 5)
	require.Equal(t, 1005, s.all)
	ask("a", 1000)
	for _, kind := range []string{"a", "b"} {
		before := s.all
		for i := 999; i >= 0; i-- {
			_, _ = v.VerifyToken(t.Context(), fmt.Sprint(kind, i))
		}
		require.LessOrEqual(t, 990, s.all-before, kind)
		require.Greater(t, 1000, s.all-before, kind)
	}
}

// TestNothingSecretIsKept: neither a token that was asked about nor the secret.
func TestNothingSecretIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The rig's site keeps tokens to count them.
		v := newVerifier(t, transport(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			answers(activeAnswer)(w, r)
			return w.Result(), nil
		}), introspect.Options{})
		_, err := v.VerifyToken(t.Context(), "t0ken")
		require.NoError(t, err)
		synctest.Wait()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, v)
			require.NotContains(t, text, "t0ken")
			require.NotContains(t, text, "s3cret")
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
