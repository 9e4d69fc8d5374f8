package otelbearer

import (
	"context"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/metric"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
)

// ObserveRevocations adds what r knows to the metrics passbearer.revocations.known and passbearer.revocations.stale.
// Several sets are summed up. It panics if r is nil.
func (o *Observer) ObserveRevocations(r *passbearer.Revocations) {
	if r == nil {
		panic("otelbearer: ObserveRevocations(nil): passbearer.NewRevocations makes them")
	}
	watch(&o.watched, &o.watched.revocations, r)
}

// ObserveHasher adds the counters of h, password.Default() for instance, to the metrics passbearer.password.hashes,
// refused, running and waiting. Several are summed up. It panics if h is nil.
func (o *Observer) ObserveHasher(h *password.Hasher) {
	if h == nil {
		panic("otelbearer: ObserveHasher(nil): password.Default or password.New makes one")
	}
	watch(&o.watched, &o.watched.hashers, h)
}

// watched are the sets and hashers that are asked each time that metrics are collected.
type watched struct {
	mu          sync.Mutex
	revocations []*passbearer.Revocations
	hashers     []*password.Hasher
}

// watch adds one, once.
func watch[T comparable](w *watched, list *[]T, one T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(*list, one) {
		*list = append(*list, one)
	}
}

func (w *watched) register(meter metric.Meter) {
	known, err := meter.Int64ObservableUpDownCounter("passbearer.revocations.known", metric.WithUnit("{revocation}"),
		metric.WithDescription("Revocations that this process keeps in memory."))
	handle(err)
	stale, err := meter.Int64ObservableUpDownCounter("passbearer.revocations.stale", metric.WithUnit("{set}"),
		metric.WithDescription("Sets of revocations in which some may be missing."))
	handle(err)
	_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		w.observeRevocations(to, known, stale)
		return nil
	}, known, stale)
	handle(err)
	w.registerHashers(meter)
}

func (w *watched) observeRevocations(to metric.Observer, known, stale metric.Int64Observable) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.revocations == nil {
		return
	}
	var n, s int64
	for _, r := range w.revocations {
		n += int64(r.Len())
		if r.Stale() {
			s++
		}
	}
	to.ObserveInt64(known, n)
	to.ObserveInt64(stale, s)
}

func (w *watched) registerHashers(meter metric.Meter) {
	hashes, err := meter.Int64ObservableCounter("passbearer.password.hashes", metric.WithUnit("{hash}"),
		metric.WithDescription("Password hashes begun."))
	handle(err)
	refused, err := meter.Int64ObservableCounter("passbearer.password.refused", metric.WithUnit("{hash}"),
		metric.WithDescription("Password hashes not begun because the queue was full."))
	handle(err)
	running, err := meter.Int64ObservableUpDownCounter("passbearer.password.running", metric.WithUnit("{hash}"),
		metric.WithDescription("Password hashes that run now."))
	handle(err)
	waiting, err := meter.Int64ObservableUpDownCounter("passbearer.password.waiting", metric.WithUnit("{hash}"),
		metric.WithDescription("Password hashes that wait for their turn now."))
	handle(err)
	_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		if s, any := w.hasherStats(); any {
			to.ObserveInt64(hashes, int64(s.Hashes))
			to.ObserveInt64(refused, int64(s.Refused))
			to.ObserveInt64(running, int64(s.Running))
			to.ObserveInt64(waiting, int64(s.Waiting))
		}
		return nil
	}, hashes, refused, running, waiting)
	handle(err)
}

func (w *watched) hasherStats() (sum password.Stats, any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.hashers {
		s := h.Stats()
		sum.Hashes += s.Hashes
		sum.Refused += s.Refused
		sum.Running += s.Running
		sum.Waiting += s.Waiting
	}
	return sum, w.hashers != nil
}
