package otelbearer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// TestWholeService plays what happens in a service, and looks at every series that this makes.
func TestWholeService(t *testing.T) {
	s := newService(t, otelbearer.Options{}, throttled(t))
	first := s.signIn(t, "johndoe", secret)
	require.Equal(t, 200, first.code)
	require.Equal(t, 200, s.get(first.Access))
	second := s.refresh(t, first.Refresh)
	require.Equal(t, 200, second.code)
	require.Equal(t, 400, s.refresh(t, first.Refresh).code, "stolen")
	require.Equal(t, 400, s.refresh(t, second.Refresh).code, "ended")
	require.Equal(t, 401, s.get(second.Access), "revoked")
	require.Equal(t, 401, s.get("a.b.c"))
	require.Equal(t, 400, s.signIn(t, "nobody", "wrong").code)
	require.Equal(t, 400, s.signIn(t, "johndoe", "wrong").code)
	require.Equal(t, 429, s.signIn(t, "johndoe", "another").code)
	require.NoError(t, s.sessions.EndAll(t.Context(), s.user.ID))
	require.Equal(t, []string{
		"passbearer.password.hashes{} 4", // the first is that of the rig
		"passbearer.refreshes{error.type=reused,passbearer.event=refresh_token_stolen} 1",
		"passbearer.refreshes{error.type=session_ended,passbearer.event=refresh_refused} 1",
		"passbearer.refreshes{passbearer.event=refreshed} 1",
		"passbearer.refusals{error.type=malformed_token,passbearer.event=access_token_refused} 1",
		"passbearer.refusals{error.type=revoked,passbearer.event=access_token_refused} 1",
		"passbearer.revocations.known{} 2",
		"passbearer.revocations.stale{} 1",
		"passbearer.sign_ins{error.type=account_exceeded,passbearer.event=sign_in_throttled} 1",
		"passbearer.sign_ins{error.type=user_not_found,passbearer.event=sign_in_failed} 1",
		"passbearer.sign_ins{error.type=wrong_password,passbearer.event=sign_in_failed} 1",
		"passbearer.sign_ins{passbearer.event=signed_in} 1",
		"passbearer.sign_outs{passbearer.event=signed_out_everywhere} 1",
	}, s.series(t))
	require.Equal(t, 10, s.next.count(), "Next is told all of them")
}

// TestKinds: an event of each kind, and which series it makes.
func TestKinds(t *testing.T) {
	other := errors.New("of the application")
	for _, tt := range []struct {
		kind   passbearer.EventKind
		err    error
		series string
	}{
		{passbearer.EventSignedIn, nil, "passbearer.sign_ins{passbearer.event=signed_in} 1"},
		{passbearer.EventSignInFailed, passbearer.ErrUserDisabled, "passbearer.sign_ins{error.type=user_disabled,passbearer.event=sign_in_failed} 1"},
		{passbearer.EventSignInFailed, nil, "passbearer.sign_ins{error.type=_OTHER,passbearer.event=sign_in_failed} 1"},
		{passbearer.EventSignInThrottled, &throttle.Exceeded{By: "network"}, "passbearer.sign_ins{error.type=network_exceeded,passbearer.event=sign_in_throttled} 1"},
		{passbearer.EventSignInThrottled, &throttle.Exceeded{By: "?"}, "passbearer.sign_ins{error.type=_OTHER,passbearer.event=sign_in_throttled} 1"},
		{passbearer.EventPasswordRehashed, nil, "passbearer.password.rehashes{passbearer.event=password_rehashed} 1"},
		{passbearer.EventPasswordRehashed, other, "passbearer.password.rehashes{error.type=_OTHER,passbearer.event=password_rehashed} 1"},
		{passbearer.EventRefreshed, nil, "passbearer.refreshes{passbearer.event=refreshed} 1"},
		{passbearer.EventRefreshRepeated, nil, "passbearer.refreshes{passbearer.event=refresh_repeated} 1"},
		{passbearer.EventRefreshHealed, nil, "passbearer.refreshes{passbearer.event=refresh_healed} 1"},
		{passbearer.EventRefreshRefused, passbearer.ErrSessionNotFound, "passbearer.refreshes{error.type=session_not_found,passbearer.event=refresh_refused} 1"},
		{passbearer.EventRefreshLost, other, "passbearer.refreshes{error.type=store_behind,passbearer.event=refresh_lost} 1"},
		{passbearer.EventRefreshTokenStolen, other, "passbearer.refreshes{error.type=reused,passbearer.event=refresh_token_stolen} 1"},
		{passbearer.EventSignedOut, nil, "passbearer.sign_outs{passbearer.event=signed_out} 1"},
		{passbearer.EventSignedOutEverywhere, nil, "passbearer.sign_outs{passbearer.event=signed_out_everywhere} 1"},
		{passbearer.EventPasswordChanged, nil, "passbearer.sign_outs{passbearer.event=password_changed} 1"},
		{passbearer.EventUserDisabled, nil, "passbearer.sign_outs{passbearer.event=user_disabled} 1"},
		{passbearer.EventRevocationsStale, other, "passbearer.revocations.changes{error.type=_OTHER,passbearer.event=revocations_stale} 1"},
		{passbearer.EventRevocationsFresh, nil, "passbearer.revocations.changes{passbearer.event=revocations_fresh} 1"},
		{passbearer.EventClientRefused, nil, "passbearer.refusals{error.type=invalid_client,passbearer.event=client_refused} 1"},
		{passbearer.EventTokenRefused, fmt.Errorf("%w: by the application", passbearer.ErrInvalidToken), "passbearer.refusals{error.type=invalid_token,passbearer.event=access_token_refused} 1"},
		{passbearer.EventUnavailable, fmt.Errorf("load: %w", context.DeadlineExceeded), "passbearer.failures{error.type=timeout,passbearer.event=unavailable} 1"},
		{passbearer.EventUnavailable, password.ErrBusy, "passbearer.failures{error.type=hashing_busy,passbearer.event=unavailable} 1"},
		{passbearer.EventAbandoned, other, "passbearer.failures{error.type=canceled,passbearer.event=abandoned} 1"},
		{passbearer.EventPanic, other, "passbearer.failures{error.type=panic,passbearer.event=panic} 1"},
		{"keys_refreshed", other, "passbearer.keys.refreshes{passbearer.event=keys_refreshed} 1"},
		{"keys_stale", other, "passbearer.keys.refreshes{error.type=_OTHER,passbearer.event=keys_stale} 1"},
		{"secret-of-the-application", other, "passbearer.events.other{} 1"},
	} {
		m := newTelemetry(otelbearer.Options{})
		m.Event(t.Context(), passbearer.Event{Kind: tt.kind, Err: tt.err, UserID: "u", ClientID: "c"})
		require.Equal(t, []string{tt.series}, m.series(t))
	}
}

func TestClients(t *testing.T) {
	m := newTelemetry(otelbearer.Options{Clients: []string{"web", "app"}})
	for _, id := range []string{"web", "app", "app", "x1", "x2", ""} {
		m.Event(t.Context(), passbearer.Event{Kind: passbearer.EventSignedIn, ClientID: id})
	}
	require.Equal(t, []string{
		"passbearer.sign_ins{passbearer.client.id=_OTHER,passbearer.event=signed_in} 2",
		"passbearer.sign_ins{passbearer.client.id=app,passbearer.event=signed_in} 2",
		"passbearer.sign_ins{passbearer.client.id=web,passbearer.event=signed_in} 1",
		"passbearer.sign_ins{passbearer.event=signed_in} 1",
	}, m.series(t))
}

func TestSpans(t *testing.T) {
	ids := passbearer.Event{UserID: "u", ClientID: "c", SessionID: "s", TokenID: "j"}
	for _, tt := range []struct {
		kind   passbearer.EventKind
		err    error
		ids    bool
		event  string
		attrs  string
		status codes.Code
	}{
		{passbearer.EventSignedIn, nil, false, "passbearer.signed_in", "", codes.Unset},
		{passbearer.EventSignedIn, nil, true, "passbearer.signed_in", "enduser.id=u,passbearer.client.id=c,passbearer.session.id=s,passbearer.token.id=j", codes.Unset},
		{passbearer.EventTokenRefused, passbearer.ErrInvalidToken, false, "passbearer.access_token_refused", "error.type=invalid_token", codes.Unset},
		{passbearer.EventAbandoned, context.Canceled, false, "passbearer.abandoned", "error.type=canceled", codes.Unset},
		{passbearer.EventUnavailable, errors.New("db-7 is down"), false, "passbearer.unavailable", "error.type=_OTHER", codes.Error},
		{passbearer.EventPanic, errors.New("stack"), true, "passbearer.panic", "enduser.id=u,error.type=panic,passbearer.client.id=c,passbearer.session.id=s,passbearer.token.id=j", codes.Error},
		{"of the application", nil, false, "passbearer.event", "", codes.Unset},
	} {
		m := newTelemetry(otelbearer.Options{SpanIDs: tt.ids})
		ctx, span := m.traces.Tracer("http").Start(t.Context(), "POST /token")
		e := ids
		e.Kind, e.Err = tt.kind, tt.err
		m.Event(ctx, e)
		span.End()
		require.Len(t, m.spans.Ended(), 1)
		got := m.spans.Ended()[0]
		require.Equal(t, "POST /token", got.Name())
		require.Empty(t, got.Attributes(), "they are the HTTP instrumentation's")
		require.Len(t, got.Events(), 1)
		require.Equal(t, tt.event, got.Events()[0].Name)
		set := attribute.NewSet(got.Events()[0].Attributes...)
		require.Equal(t, tt.attrs, set.Encoded(attribute.DefaultEncoder()))
		require.Equal(t, tt.status, got.Status().Code)
		require.NotContains(t, got.Status().Description, "db-7")
	}
}

// TestSpansOutside: revocations and keys are told outside of requests.
func TestSpansOutside(t *testing.T) {
	m := newTelemetry(otelbearer.Options{})
	for _, kind := range []passbearer.EventKind{passbearer.EventSignedIn, passbearer.EventTokenRefused, passbearer.EventUnavailable} {
		m.Event(t.Context(), passbearer.Event{Kind: kind})
	}
	require.Empty(t, m.spans.Ended(), "no span for a request whose middleware made none")
	m.Event(t.Context(), passbearer.Event{Kind: passbearer.EventRevocationsStale, Err: errors.New("cut")})
	require.Len(t, m.spans.Ended(), 1)
	require.Equal(t, "passbearer.revocations_stale", m.spans.Ended()[0].Name())
	require.Len(t, m.spans.Ended()[0].Events(), 1)

	unsampled := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}))
	m.Event(unsampled, passbearer.Event{Kind: passbearer.EventRevocationsFresh})
	require.Len(t, m.spans.Ended(), 1, "what is not sampled stays so")
}

func TestSeveralAreSummed(t *testing.T) {
	m := newTelemetry(otelbearer.Options{})
	require.Empty(t, m.series(t), "nothing is watched")
	for range 2 {
		r := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: m})
		r.Learn(passbearer.Revocation{TokenID: "j", Lifetime: time.Hour})
		m.ObserveRevocations(r)
		m.ObserveRevocations(r)
		h := cheap(t)
		_, err := h.Hash(t.Context(), secret)
		require.NoError(t, err)
		m.ObserveHasher(h)
		m.ObserveHasher(h)
	}
	require.Equal(t, []string{
		"passbearer.password.hashes{} 2",
		"passbearer.revocations.known{} 2",
		"passbearer.revocations.stale{} 2",
	}, m.series(t))
}

// TestNames: OpenTelemetry's rules for names, and that no name is a namespace of another.
func TestNames(t *testing.T) {
	s := newService(t, otelbearer.Options{})
	for _, e := range everyEvent() {
		s.Event(t.Context(), e)
	}
	metrics := s.collect(t)
	require.Len(t, metrics, 15)
	for _, m := range metrics {
		require.Regexp(t, `^passbearer(\.[a-z]+(_[a-z]+)*)+$`, m.Name)
		require.Regexp(t, `^\{[a-z_]+\}$`, m.Unit, "an annotation of UCUM: these count things")
		require.NotEmpty(t, m.Description)
		for _, other := range metrics {
			require.False(t, strings.HasPrefix(other.Name, m.Name+"."), "%s is a namespace of %s", m.Name, other.Name)
		}
	}
}

// everyEvent is one of each kind.
func everyEvent() (all []passbearer.Event) {
	for _, kind := range []passbearer.EventKind{
		passbearer.EventSignedIn, passbearer.EventSignInFailed, passbearer.EventSignInThrottled, passbearer.EventPasswordRehashed,
		passbearer.EventRefreshed, passbearer.EventRefreshRepeated, passbearer.EventRefreshHealed, passbearer.EventRefreshRefused,
		passbearer.EventRefreshLost, passbearer.EventRefreshTokenStolen, passbearer.EventSignedOut, passbearer.EventSignedOutEverywhere,
		passbearer.EventPasswordChanged, passbearer.EventUserDisabled, passbearer.EventRevocationsStale, passbearer.EventRevocationsFresh,
		passbearer.EventClientRefused, passbearer.EventTokenRefused, passbearer.EventUnavailable, passbearer.EventAbandoned,
		passbearer.EventPanic, "keys_refreshed", "keys_stale", "of the application",
	} {
		all = append(all, passbearer.Event{Kind: kind})
	}
	return all
}

// TestStartAtZero: an alert on what is rare sees the first one.
func TestStartAtZero(t *testing.T) {
	m := newTelemetry(otelbearer.Options{Clients: []string{"web"}})
	text := fmt.Sprintf("%+v", m.collect(t))
	for _, name := range []string{"refresh_token_stolen", "refresh_lost", "panic", "signed_in"} {
		require.Contains(t, text, name)
	}
	before := points(t, m)
	for _, client := range []string{"", "web", "x"} {
		m.Event(t.Context(), passbearer.Event{Kind: passbearer.EventRefreshTokenStolen, ClientID: client})
	}
	require.Equal(t, before, points(t, m))
}

func TestNewPanics(t *testing.T) {
	for _, f := range []func(){
		func() { otelbearer.New(&otelbearer.Options{Clients: []string{""}}) },
		func() { otelbearer.New(&otelbearer.Options{Clients: []string{"a", "a"}}) },
		func() { otelbearer.New(&otelbearer.Options{Clients: make([]string, otelbearer.MaxClients+1)}) },
		func() { otelbearer.New(nil).ObserveRevocations(nil) },
		func() { otelbearer.New(nil).ObserveHasher(nil) },
	} {
		require.Panics(t, f)
	}
}
