package otelbearer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// silent is an Observer that counts, for tests without logs.
type silent struct {
	mu sync.Mutex
	n  int
}

func (s *silent) Event(context.Context, passbearer.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
}

func (s *silent) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// telemetry is an Observer and what it has told.
type telemetry struct {
	*otelbearer.Observer
	reader *sdkmetric.ManualReader
	spans  *tracetest.SpanRecorder
	traces *sdktrace.TracerProvider
	next   *silent
}

func newTelemetry(opts otelbearer.Options) *telemetry {
	t := &telemetry{reader: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder(), next: new(silent)}
	t.traces = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(t.spans))
	opts.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(t.reader), sdkmetric.WithCardinalityLimit(0))
	opts.TracerProvider = t.traces
	opts.Next = t.next
	t.Observer = otelbearer.New(&opts)
	return t
}

// collect returns the metrics as the SDK hands them to any exporter.
func (m *telemetry) collect(t testing.TB) []metricdata.Metrics {
	var all metricdata.ResourceMetrics
	require.NoError(t, m.reader.Collect(context.Background(), &all))
	if len(all.ScopeMetrics) == 0 {
		return nil
	}
	require.Len(t, all.ScopeMetrics, 1)
	require.Equal(t, otelbearer.ScopeName, all.ScopeMetrics[0].Scope.Name)
	return all.ScopeMetrics[0].Metrics
}

// series are the time series that are not 0, as "name{key=value,…} value", sorted; attributes in the order of their keys.
func (m *telemetry) series(t testing.TB) []string {
	var all []string
	for _, metric := range m.collect(t) {
		sum, ok := metric.Data.(metricdata.Sum[int64])
		require.True(t, ok, "%s is no sum", metric.Name)
		for _, p := range sum.DataPoints {
			if p.Value == 0 {
				continue
			}
			all = append(all, fmt.Sprintf("%s{%s} %d", metric.Name, p.Attributes.Encoded(attribute.DefaultEncoder()), p.Value))
		}
	}
	slices.Sort(all)
	return all
}

// service is a whole server whose every part tells one telemetry.
type service struct {
	*telemetry
	store       *memstore.Store
	hasher      *password.Hasher
	tokens      *jwttoken.Tokens
	revocations *passbearer.Revocations
	sessions    *passbearer.Sessions
	mux         *http.ServeMux
	user        passbearer.User
}

const (
	issuer = "https://issuer.example"
	secret = "correct horse battery staple"
)

// cheap hashes take no time.
func cheap(t testing.TB) *password.Hasher {
	h, err := password.New(&password.Options{Params: password.Params{Memory: 8, Time: 1, Threads: 1}})
	require.NoError(t, err)
	return h
}

func newService(t testing.TB, opts otelbearer.Options, change ...func(*passbearer.TokenHandlerOptions)) *service {
	s := &service{telemetry: newTelemetry(opts), hasher: cheap(t), mux: http.NewServeMux()}
	hash, err := s.hasher.Hash(t.Context(), secret)
	require.NoError(t, err)
	s.user = passbearer.User{ID: "u-1", Name: "johndoe", PasswordHash: hash, Scope: "items:read"}
	s.store = memstore.New(s.user)
	s.tokens, err = jwttoken.New(jwttoken.EphemeralKeys(), issuer, issuer, nil)
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys(issuer, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	s.revocations = passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: s})
	s.sessions = passbearer.NewSessions(s.store, s.store, keys, &passbearer.SessionsOptions{Revocations: s.revocations, Observer: s, Grace: -1})
	o := passbearer.TokenHandlerOptions{Sessions: s.sessions, Passwords: s.hasher, Observer: s, InsecureSkipThrottling: true}
	for _, f := range change {
		f(&o)
	}
	s.mux.Handle("POST /token", passbearer.NewTokenHandler(s.store, s.tokens, &o))
	guard := passbearer.NewGuard(s.revocations.Verifier(s.tokens), &passbearer.GuardOptions{Observer: s})
	s.mux.Handle("GET /items/", guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {}))
	s.ObserveRevocations(s.revocations)
	s.ObserveHasher(s.hasher)
	return s
}

// throttled bounds attempts as a service does.
func throttled(t testing.TB) func(*passbearer.TokenHandlerOptions) {
	l, err := throttle.New(&throttle.Options{Account: throttle.Limit{Burst: 1, Every: time.Hour}})
	require.NoError(t, err)
	return func(o *passbearer.TokenHandlerOptions) { o.InsecureSkipThrottling, o.Throttle = false, l }
}

type answer struct {
	code            int
	Access, Refresh string
}

func (a *answer) UnmarshalJSON(text []byte) error {
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	err := json.Unmarshal(text, &body)
	a.Access, a.Refresh = body.Access, body.Refresh
	return err
}

// post sends a token request within a span, as behind the HTTP server's instrumentation.
func (s *service) post(t testing.TB, form url.Values) answer {
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := s.serve(r)
	a := answer{code: w.Code}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	return a
}

func (s *service) serve(r *http.Request) *httptest.ResponseRecorder {
	ctx, span := s.traces.Tracer("http").Start(r.Context(), r.Method)
	defer span.End()
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r.WithContext(ctx))
	return w
}

func (s *service) signIn(t testing.TB, name, plain string) answer {
	return s.post(t, url.Values{"username": {name}, "password": {plain}})
}

func (s *service) refresh(t testing.TB, token string) answer {
	return s.post(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (s *service) get(token string) int {
	r := httptest.NewRequest("GET", "/items/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return s.serve(r).Code
}
