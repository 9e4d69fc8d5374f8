// Package otelbearer tells OpenTelemetry what happens in passbearer: sign-ins, refreshes, refusals and failures as
// metrics, and as events of the spans that they happen in.
//
// [New] makes an Observer. Hand the same one to the token handler, the Guards, the sessions, the revocations and remotejwks:
//
//	obs := otelbearer.New(nil)
//	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Observer: obs})
//
// # Metrics
//
// There are no semantic conventions for sign-in, so the names are this package's own, by OpenTelemetry's rules for names.
// The counters have the attribute passbearer.event, which is the event's kind as in the logs ([passbearer.EventKind]),
// and for what did not succeed error.type.
//
//	passbearer.sign_ins            signed_in, sign_in_failed, sign_in_throttled
//	passbearer.refreshes           refreshed, refresh_repeated, refresh_healed, refresh_refused, refresh_lost, refresh_token_stolen
//	passbearer.sign_outs           signed_out, signed_out_everywhere, password_changed, user_disabled
//	passbearer.refusals            access_token_refused, client_refused
//	passbearer.failures            unavailable, abandoned, panic
//	passbearer.password.rehashes   password_rehashed
//	passbearer.revocations.changes revocations_stale, revocations_fresh
//	passbearer.keys.refreshes      keys_refreshed, keys_stale (of package remotejwks)
//	passbearer.events.other        none: kinds that this version does not know
//
// A request that is admitted is no event, and is not counted: HTTP instrumentation has it. [Observer.ObserveRevocations]
// and [Observer.ObserveHasher] add what can be asked at any time:
//
//	passbearer.revocations.known   revocations in memory
//	passbearer.revocations.stale   sets in which some may be missing: 0 or 1 for a process with one set
//	passbearer.password.hashes     hashes begun
//	passbearer.password.refused    callers turned away because the hashing queue was full
//	passbearer.password.running    hashes that run now
//	passbearer.password.waiting    callers that wait now
//
// error.type is one of [ErrorTypes], whatever an error's text is. So what a metric has of a request is what this package
// and passbearer have written down before: no name, id, token or address is ever an attribute of a metric, save the
// clients of [Options.Clients]. The number of time series is bounded by these lists.
//
// Show metrics to operators only. They tell user_not_found and wrong_password apart, so whoever signs in and reads them
// at once learns which names exist.
//
// # Spans
//
// An event becomes an event of the span in its context, named passbearer.signed_in and so on. The HTTP server's
// instrumentation has to be around the handlers for that. Only unavailable and panic make the span's status an error: a
// refused token is the client's. What is told outside of any request, about revocations and keys, is a span of its own
// without duration.
//
// # Prometheus and Grafana
//
// Beside the source are dashboard.json, to be imported into Grafana, and alerts.yaml, rules for Prometheus. The folder
// example has a program with /metrics. Prometheus's names have underscores in the place of dots, and counters end in
// _total: passbearer_sign_ins_total{passbearer_event="signed_in"}.
//
// Out of scope are metrics of HTTP requests and of databases, which their own instrumentation has.
package otelbearer
