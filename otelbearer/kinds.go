package otelbearer

import "github.com/passbearer/passbearer"

// counter is one of counters.
type counter int

const (
	signIns counter = iota
	refreshes
	signOuts
	refusals
	failures
	rehashes
	revocationChanges
	keyRefreshes
	others
)

// counters are named by OpenTelemetry's rules: plural where things are counted, units in braces, no _total.
var counters = [...]struct{ name, unit, description string }{
	signIns:           {"passbearer.sign_ins", "{sign_in}", "Attempts to sign in by a password or a second factor, by outcome."},
	refreshes:         {"passbearer.refreshes", "{refresh}", "Refresh tokens presented, by outcome."},
	signOuts:          {"passbearer.sign_outs", "{sign_out}", "Sessions ended on purpose, by occasion."},
	refusals:          {"passbearer.refusals", "{request}", "Requests refused for their access token or their client authentication."},
	failures:          {"passbearer.failures", "{failure}", "Requests that failed on this side, or whose client hung up."},
	rehashes:          {"passbearer.password.rehashes", "{hash}", "Password hashes renewed at sign-in."},
	revocationChanges: {"passbearer.revocations.changes", "{change}", "Times that the known revocations became stale or fresh."},
	keyRefreshes:      {"passbearer.keys.refreshes", "{refresh}", "Reads of other issuers' keys that brought news."},
	others:            {"passbearer.events.other", "{event}", "Events of kinds that otelbearer does not know."},
}

// when says for which events of a kind error.type is set.
type when int

const (
	never when = iota
	ifErr      // of those with an error
	always
)

// kind is what is known of an EventKind.
type kind struct {
	name    passbearer.EventKind
	counter counter
	failed  when
	reason  string // error.type whatever the error is; empty means that it says
	server  bool   // answered with 5xx, which is the server's error
	outside bool   // told outside of any request
}

// kinds begins with the one for kinds that are not known.
var kinds = [...]kind{
	{counter: others},
	{name: passbearer.EventSignedIn, counter: signIns},
	{name: passbearer.EventSignInFailed, counter: signIns, failed: always},
	{name: passbearer.EventSignInThrottled, counter: signIns, failed: always},
	{name: passbearer.EventPasswordRehashed, counter: rehashes, failed: ifErr},
	{name: passbearer.EventRefreshed, counter: refreshes},
	{name: passbearer.EventRefreshRepeated, counter: refreshes},
	{name: passbearer.EventRefreshHealed, counter: refreshes},
	{name: passbearer.EventRefreshRefused, counter: refreshes, failed: always},
	{name: passbearer.EventRefreshLost, counter: refreshes, failed: always, reason: "store_behind"},
	{name: passbearer.EventRefreshTokenStolen, counter: refreshes, failed: always, reason: "reused"},
	{name: passbearer.EventSignedOut, counter: signOuts},
	{name: passbearer.EventSignedOutEverywhere, counter: signOuts},
	{name: passbearer.EventPasswordChanged, counter: signOuts},
	{name: passbearer.EventUserDisabled, counter: signOuts},
	{name: passbearer.EventRevocationsStale, counter: revocationChanges, failed: always, outside: true},
	{name: passbearer.EventRevocationsFresh, counter: revocationChanges, outside: true},
	{name: passbearer.EventClientRefused, counter: refusals, failed: always, reason: "invalid_client"}, // the library tells no more
	{name: passbearer.EventTokenRefused, counter: refusals, failed: always},
	{name: passbearer.EventUnavailable, counter: failures, failed: always, server: true},
	{name: passbearer.EventAbandoned, counter: failures, failed: always, reason: "canceled"},
	{name: passbearer.EventPanic, counter: failures, failed: always, reason: "panic", server: true},
	{name: passbearer.EventKeysRefreshed, counter: keyRefreshes, outside: true},
	{name: passbearer.EventKeysStale, counter: keyRefreshes, failed: always, outside: true},
}

// kindIndex finds a kind by its name; what it does not have is 0.
var kindIndex = func() map[passbearer.EventKind]int {
	index := make(map[passbearer.EventKind]int, len(kinds))
	for i, k := range kinds[1:] {
		index[k.name] = i + 1
	}
	return index
}()
