package otelbearer_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/throttle"
)

// marks are what may be nowhere in what is told.
type marks map[string]string

func (m marks) add(what, text string) string {
	m[text] = what
	return text
}

// fresh is a mark that no encoding changes.
func (m marks) fresh(what string) string { return m.add(what, strings.ToLower(rand.Text())) }

// play has all that a client sends marked: right and wrong, known and not.
func (m marks) play(t *testing.T, s *service) {
	for range 3 {
		name, plain := m.fresh("name"), m.fresh("password")
		s.signIn(t, name, plain)
		s.signIn(t, "johndoe", m.fresh("password"))
		form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {plain}, "client_id": {m.fresh("client")},
			"client_secret": {m.fresh("secret")}, "scope": {m.fresh("scope")}}
		s.post(t, form)
		s.refresh(t, m.fresh("refresh token"))
		s.get(m.fresh("token") + "." + m.fresh("token") + "." + m.fresh("token"))
		r := httptest.NewRequest("GET", "/items/?x="+m.fresh("query"), nil)
		r.RemoteAddr = "203.0.113.77:1"
		r.Header.Set("Authorization", "Bearer "+m.fresh("token"))
		r.Header.Set("User-Agent", m.fresh("user agent"))
		s.serve(r)
	}
	a := s.signIn(t, "johndoe", secret)
	require.Equal(t, 200, a.code)
	m.add("access token", a.Access)
	m.add("refresh token", a.Refresh)
	b := s.refresh(t, a.Refresh)
	m.add("refresh token", b.Refresh)
	require.Equal(t, 400, s.refresh(t, a.Refresh).code)
	require.Equal(t, 401, s.get(b.Access))
	for _, part := range strings.Split(a.Access, ".")[1:] {
		m.add("part of the access token", part)
	}
	m.add("address", "203.0.113.77")
	m.add("user's name", "johndoe")
	m.add("password", secret)
	m.add("hash", s.user.PasswordHash)
}

// everyKind tells an event of each kind with marks in all its fields.
func (m marks) everyKind(t *testing.T, s *service) {
	for _, e := range everyEvent() {
		e.Err = fmt.Errorf("%s: %w", m.fresh("error's text"), errors.New(m.fresh("error's cause")))
		e.UserID, e.ClientID, e.SessionID, e.TokenID = m.fresh("user id"), m.fresh("client id"), m.fresh("sid"), m.fresh("jti")
		s.Event(t.Context(), e)
		e.Kind = passbearer.EventKind(m.fresh("kind"))
		s.Event(t.Context(), e)
	}
}

func (m marks) absentFrom(t *testing.T, text string) {
	require.NotEmpty(t, text)
	require.Greater(t, len(m), 100)
	for mark, what := range m {
		require.NotContains(t, text, mark, what)
	}
}

// TestMetricsHoldNothingOfARequest, nor do the events in spans.
func TestMetricsHoldNothingOfARequest(t *testing.T) {
	s := newService(t, otelbearer.Options{Clients: []string{"web"}})
	m := marks{}
	m.play(t, s)
	m.everyKind(t, s)
	m.absentFrom(t, fmt.Sprintf("%+v", s.collect(t)))
	m.absentFrom(t, strings.Join(s.series(t), "\n"))
	m.absentFrom(t, spansOf(s))
}

// TestSpanIDs: by option the ids are in spans, and still nothing else.
func TestSpanIDs(t *testing.T) {
	s := newService(t, otelbearer.Options{SpanIDs: true})
	m := marks{}
	for range 30 {
		m.play(t, s)
	}
	text := spansOf(s)
	require.Contains(t, text, "enduser.id=u-1")
	m.absentFrom(t, text)
	require.NotContains(t, strings.Join(s.series(t), "\n"), "u-1")
}

func spansOf(s *service) string {
	var b strings.Builder
	for _, span := range s.spans.Ended() {
		fmt.Fprintln(&b, span.Name(), span.Status(), span.Attributes(), span.Links())
		for _, e := range span.Events() {
			set := attribute.NewSet(e.Attributes...)
			fmt.Fprintln(&b, e.Name, set.Encoded(attribute.DefaultEncoder()))
		}
	}
	return b.String()
}

// TestCardinality: 10,000 users, clients, addresses, errors and kinds make no more series than one of each.
func TestCardinality(t *testing.T) {
	m := newTelemetry(otelbearer.Options{Clients: []string{"web"}})
	events := everyEvent()
	tell := func(i int) {
		id := fmt.Sprint("x", i)
		err := fmt.Errorf("error %d: %w", i, &throttle.Exceeded{By: id})
		for _, e := range events {
			e.UserID, e.ClientID, e.SessionID, e.TokenID, e.Err = id, id, id, id, err
			if e.Kind == "of the application" {
				e.Kind = passbearer.EventKind(id)
			}
			m.Event(t.Context(), e)
		}
	}
	tell(0)
	before := points(t, m)
	require.Less(t, before, 100)
	for i := range 10_000 {
		tell(i)
	}
	require.Equal(t, before, points(t, m))
}

func points(t *testing.T, m *telemetry) (n int) {
	for _, metric := range m.collect(t) {
		n += len(metric.Data.(metricdata.Sum[int64]).DataPoints)
	}
	return n
}
