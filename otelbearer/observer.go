package otelbearer

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/passbearer/passbearer"
)

const scopeName = "github.com/passbearer/passbearer/otelbearer"

// The attributes.
const (
	eventKey   = attribute.Key("passbearer.event")
	clientKey  = attribute.Key("passbearer.client.id")
	sessionKey = attribute.Key("passbearer.session.id")
	tokenKey   = attribute.Key("passbearer.token.id")
	userKey    = attribute.Key("enduser.id") // OpenTelemetry's
	errorKey   = attribute.Key("error.type") // OpenTelemetry's
)

// MaxClients is the most clients that [Options.Clients] may have.
const MaxClients = 100

// Options are the settings of an [Observer]. The zero value is usual.
type Options struct {
	// MeterProvider makes the metrics. Nil means the global one. Set that before: what is counted earlier is lost, and
	// counters do not begin at 0 then.
	MeterProvider metric.MeterProvider

	// TracerProvider makes the spans of what happens outside of requests. Nil means the global one, also one that is set
	// later. What happens in a request is told in the request's span, whoever made it.
	TracerProvider trace.TracerProvider

	// Next is told each event afterwards. Nil means passbearer.LogObserver(nil), so that nothing is lost from the logs.
	Next passbearer.Observer

	// Clients adds the attribute passbearer.client.id to the counters: the ids in this list, and "_OTHER" for all others,
	// for each is a time series more. At most [MaxClients]. Nil means no such attribute.
	Clients []string

	// SpanIDs adds the ids of user, client, session and access token (jti) to the events in spans, as enduser.id,
	// passbearer.client.id, passbearer.session.id and passbearer.token.id. A user's id is personal data in many places.
	SpanIDs bool
}

// Observer turns events into metrics and spans. It is safe for concurrent use. Make one for the process with [New].
type Observer struct {
	opts     Options
	tracer   trace.Tracer
	counters [len(counters)]metric.Int64Counter
	clients  map[string]int
	cells    []atomic.Pointer[cell] // by kind, reason and client
	watched  watched
}

var _ passbearer.Observer = (*Observer)(nil)

// The indexes of clients. Those of Options.Clients follow.
const (
	noClient = iota
	otherClient
	firstClient
)

// New returns an Observer; nil options mean the defaults. It panics on an option that is wrong in any program.
// A MeterProvider that refuses an instrument has its error told to OpenTelemetry's error handler.
func New(opts *Options) *Observer {
	o := &Observer{}
	if opts != nil {
		o.opts = *opts
	}
	if o.opts.MeterProvider == nil {
		o.opts.MeterProvider = otel.GetMeterProvider()
	}
	if o.opts.TracerProvider == nil {
		o.opts.TracerProvider = otel.GetTracerProvider()
	}
	if o.opts.Next == nil {
		o.opts.Next = passbearer.LogObserver(nil)
	}
	o.opts.Clients = slices.Clone(o.opts.Clients)
	o.clients = clientIndex(o.opts.Clients)
	o.cells = make([]atomic.Pointer[cell], len(kinds)*len(reasons)*(firstClient+len(o.clients)))
	o.tracer = o.opts.TracerProvider.Tracer(scopeName)
	meter := o.opts.MeterProvider.Meter(scopeName)
	for i, c := range counters {
		var err error
		o.counters[i], err = meter.Int64Counter(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.description))
		handle(err)
	}
	o.startAtZero()
	o.watched.register(meter)
	return o
}

// startAtZero makes the series that can be foreseen. Prometheus sees no increase in one that begins at 1, so that the
// first stolen refresh token would raise no alert.
func (o *Observer) startAtZero() {
	for i, k := range kinds {
		if k.failed == always && k.reason == "" {
			continue
		}
		for client := range firstClient + len(o.clients) {
			if client == otherClient && len(o.clients) == 0 {
				continue
			}
			c := o.cell(i, reasonIndex[k.reasonOf(nil)], client)
			o.counters[k.counter].Add(context.Background(), 0, c.add...)
		}
	}
}

func clientIndex(clients []string) map[string]int {
	if len(clients) > MaxClients {
		panic(fmt.Sprintf("otelbearer: Options.Clients has more than %d clients, and each makes time series: list those that matter", MaxClients))
	}
	index := make(map[string]int, len(clients))
	for _, id := range clients {
		if _, twice := index[id]; twice || id == "" {
			panic(fmt.Sprintf("otelbearer: Options.Clients has %q, which is empty or in it twice: list each client once", id))
		}
		index[id] = firstClient + len(index)
	}
	return index
}

// handle tells an error that the constants of this package cannot make.
func handle(err error) {
	if err != nil {
		otel.Handle(fmt.Errorf("otelbearer: %w", err))
	}
}

// Event counts e, adds it to the span in ctx, and tells Options.Next.
func (o *Observer) Event(ctx context.Context, e passbearer.Event) {
	i := kindIndex[e.Kind]
	k := &kinds[i]
	c := o.cell(i, reasonIndex[k.reasonOf(e.Err)], o.clientOf(e.ClientID))
	o.counters[k.counter].Add(ctx, 1, c.add...)
	o.trace(ctx, k, c, e)
	o.opts.Next.Event(ctx, e)
}

// reasonOf is error.type, or empty where nothing failed.
func (k *kind) reasonOf(err error) string {
	switch {
	case k.failed == never, k.failed == ifErr && err == nil:
		return ""
	case k.reason != "":
		return k.reason
	}
	return reasonOf(err)
}

func (o *Observer) clientOf(id string) int {
	if len(o.clients) == 0 || id == "" {
		return noClient
	}
	if i, ok := o.clients[id]; ok {
		return i
	}
	return otherClient
}

// cell is what is the same for all events of a kind, a reason and a client. It is made once, so that an event
// allocates nothing.
type cell struct {
	add   []metric.AddOption
	name  string               // of the event in a span
	attrs []attribute.KeyValue // of it, without the ids
	span  []trace.EventOption  // which are these
}

// cell makes what it does not find; that two may do so at once does no harm.
func (o *Observer) cell(kind, reason, client int) *cell {
	slot := &o.cells[(kind*len(reasons)+reason)*(firstClient+len(o.clients))+client]
	if c := slot.Load(); c != nil {
		return c
	}
	c := o.newCell(kind, reason, client)
	slot.Store(c)
	return c
}

func (o *Observer) newCell(kind, reason, client int) *cell {
	c := &cell{name: "passbearer.event"}
	if reason != 0 {
		c.attrs = append(c.attrs, errorKey.String(reasons[reason]))
	}
	c.span = []trace.EventOption{trace.WithAttributes(c.attrs...)}
	counted := slices.Clone(c.attrs)
	if kind != 0 { // of another kind nobody knows what is in its name
		name := string(kinds[kind].name)
		c.name = "passbearer." + name
		counted = append(counted, eventKey.String(name))
	}
	if client != noClient {
		counted = append(counted, clientKey.String(o.clientName(client)))
	}
	c.add = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(counted...))}
	return c
}

func (o *Observer) clientName(client int) string {
	if client == otherClient {
		return otherReason
	}
	return o.opts.Clients[client-firstClient]
}

// trace adds the event to the request's span. What is told outside of any request has none, and gets its own.
func (o *Observer) trace(ctx context.Context, k *kind, c *cell, e passbearer.Event) {
	span := trace.SpanFromContext(ctx)
	if k.outside && !span.SpanContext().IsValid() {
		_, span = o.tracer.Start(ctx, c.name)
		defer span.End()
	}
	if !span.IsRecording() {
		return
	}
	if o.opts.SpanIDs {
		span.AddEvent(c.name, trace.WithAttributes(withIDs(c.attrs, e)...))
	} else {
		span.AddEvent(c.name, c.span...)
	}
	if k.server {
		span.SetStatus(codes.Error, c.name)
	}
}

func withIDs(attrs []attribute.KeyValue, e passbearer.Event) []attribute.KeyValue {
	attrs = slices.Clone(attrs)
	for _, id := range [...]struct {
		key   attribute.Key
		value string
	}{{userKey, e.UserID}, {clientKey, e.ClientID}, {sessionKey, e.SessionID}, {tokenKey, e.TokenID}} {
		if id.value != "" {
			attrs = append(attrs, id.key.String(id.value))
		}
	}
	return attrs
}
