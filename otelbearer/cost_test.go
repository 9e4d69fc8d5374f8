package otelbearer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/throttle"
)

// nothing is an Observer that does nothing.
type nothing struct{}

func (nothing) Event(context.Context, passbearer.Event) {}

// counting is an Observer whose metrics the SDK keeps.
func counting(clients ...string) *otelbearer.Observer {
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	return otelbearer.New(&otelbearer.Options{MeterProvider: provider, Next: nothing{}, Clients: clients})
}

// frequent are the events that come with every sign-in, refresh, attempt or bad token.
func frequent(t testing.TB) map[string]passbearer.Event {
	return map[string]passbearer.Event{
		"signed in":         {Kind: passbearer.EventSignedIn, UserID: "u", ClientID: "web"},
		"sign-in failed":    {Kind: passbearer.EventSignInFailed, ClientID: "web", Err: errors.New("wrong password")},
		"user not found":    {Kind: passbearer.EventSignInFailed, ClientID: "x", Err: passbearer.ErrUserNotFound},
		"sign-in throttled": {Kind: passbearer.EventSignInThrottled, Err: &throttle.Exceeded{By: "account"}},
		"refreshed":         {Kind: passbearer.EventRefreshed, UserID: "u", ClientID: "app"},
		"token refused":     {Kind: passbearer.EventTokenRefused, Err: refusedToken(t)},
		"signed out":        {Kind: passbearer.EventSignedOut, UserID: "u"},
	}
}

// refusedToken is the error of a real verifier.
func refusedToken(t testing.TB) error {
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), issuer, issuer, nil)
	require.NoError(t, err)
	_, err = tokens.VerifyToken(t.Context(), "e30.e30.e30")
	require.ErrorIs(t, err, passbearer.ErrInvalidToken)
	return err
}

// TestAllocations: a frequent event allocates nothing, once there was one like it.
func TestAllocations(t *testing.T) {
	for _, o := range []*otelbearer.Observer{counting(), counting("web", "app")} {
		for name, e := range frequent(t) {
			require.Zero(t, testing.AllocsPerRun(1000, func() { o.Event(t.Context(), e) }), name)
		}
	}
}

// TestAdmittedRequestsAreNoEvents: what a Guard admits costs nothing, whoever observes it.
func TestAdmittedRequestsAreNoEvents(t *testing.T) {
	s := newService(t, otelbearer.Options{})
	a := s.signIn(t, "johndoe", secret)
	before := s.next.count()
	allocations := func(o passbearer.Observer) float64 {
		guard := passbearer.NewGuard(s.tokens, &passbearer.GuardOptions{Observer: o})
		h := guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+a.Access)
		w := httptest.NewRecorder()
		n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) })
		require.Equal(t, 200, w.Code)
		return n
	}
	require.Equal(t, allocations(nothing{}), allocations(s))
	require.Equal(t, before, s.next.count())
}

func BenchmarkEvent(b *testing.B) {
	for name, e := range frequent(b) {
		b.Run(name, func(b *testing.B) {
			o := counting("web", "app")
			b.ReportAllocs()
			for b.Loop() {
				o.Event(b.Context(), e)
			}
		})
	}
	b.Run("in a span", func(b *testing.B) {
		m := newTelemetry(otelbearer.Options{})
		e := frequent(b)["token refused"]
		b.ReportAllocs()
		for b.Loop() {
			ctx, span := m.traces.Tracer("http").Start(b.Context(), "GET /")
			m.Event(ctx, e)
			span.End()
			m.spans.Reset()
		}
	})
}
