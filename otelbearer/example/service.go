package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/password"
)

// newMetrics returns an Observer that counts, and the handler of /metrics.
func newMetrics() (*otelbearer.Observer, http.Handler, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, nil, err
	}
	obs := otelbearer.New(&otelbearer.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))})
	obs.ObserveHasher(password.Default())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return obs, mux, nil
}

// newAPI returns an API that tells obs everything, and watches for revocations until ctx is done.
func newAPI(ctx context.Context, obs *otelbearer.Observer) (http.Handler, error) {
	johndoe, err := passbearer.NewUser(ctx, "johndoe", "secret", "items:read")
	if err != nil {
		return nil, err
	}
	const url = "http://localhost:8000"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		return nil, err
	}
	refreshKeys, err := passbearer.NewRefreshKeys(url, []byte(rand.Text()+rand.Text()))
	if err != nil {
		return nil, err
	}
	store := memstore.New(johndoe)
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: obs})
	obs.ObserveRevocations(revocations)
	go revocations.Watch(ctx, store)
	sessions := passbearer.NewSessions(store, store, refreshKeys, &passbearer.SessionsOptions{Revocations: revocations, Observer: obs})
	guard := passbearer.NewGuard(revocations.Verifier(tokens), &passbearer.GuardOptions{Observer: obs})

	api := http.NewServeMux()
	api.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Observer: obs}))
	api.Handle("GET /items/", guard.Require("items:read").HandlerFunc(items))
	api.Handle("POST /sign-out", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		if err := sessions.EndAll(r.Context(), c.Subject); err != nil {
			passbearer.Deny(w, r, err)
		}
	}))
	return api, nil
}

func items(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
	fmt.Fprintf(w, "Hello, user %s\n", c.Subject)
}
