package passbearer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// EventKind says what happened. Kinds may be added.
type EventKind string

// The kinds of events.
const (
	EventSignedIn            EventKind = "signed_in"
	EventSignInFailed        EventKind = "sign_in_failed"        // by name and password, or by a second factor; Err says why
	EventSignInThrottled     EventKind = "sign_in_throttled"     // refused unseen; Err is a *throttle.Exceeded
	EventPasswordRehashed    EventKind = "password_rehashed"     // Err if it could not be
	EventRefreshed           EventKind = "refreshed"             // a refresh token was rotated
	EventRefreshRepeated     EventKind = "refresh_repeated"      // the same successor again, inside the grace window
	EventRefreshHealed       EventKind = "refresh_healed"        // the store had lost an acknowledged rotation
	EventRefreshRefused      EventKind = "refresh_refused"       // Err says why
	EventRefreshLost         EventKind = "refresh_lost"          // the store had lost more than that; the session was ended
	EventRefreshTokenStolen  EventKind = "refresh_token_stolen"  // an old refresh token came back; its session was ended
	EventSignedOut           EventKind = "signed_out"            // one session ended
	EventSignedOutEverywhere EventKind = "signed_out_everywhere" // all sessions of a user ended
	EventPasswordChanged     EventKind = "password_changed"      // by its user
	EventUserDisabled        EventKind = "user_disabled"
	EventRevocationsStale    EventKind = "revocations_stale"    // some may be missing; Err says why
	EventRevocationsFresh    EventKind = "revocations_fresh"    // all are known
	EventKeysStale           EventKind = "keys_stale"           // another issuer's could not be read again, and earlier ones serve on; Err says why
	EventKeysRefreshed       EventKind = "keys_refreshed"       // they were read, first, after a failure, or others than before; Err says which cannot be used
	EventClientRefused       EventKind = "client_refused"       // client authentication failed
	EventTokenRefused        EventKind = "access_token_refused" // by a Guard
	EventUnavailable         EventKind = "unavailable"          // a store, a verifier or the hashing queue; Err says which
	EventAbandoned           EventKind = "abandoned"            // the client hung up before the answer; Err says what that stopped
	EventPanic               EventKind = "panic"                // in the application's code; Err has the stack
)

// Event is something that operators, auditors or counters want to know. It
// holds no secret: no token, password or hash, and no name as it was typed,
// which may be a password in the wrong field.
type Event struct {
	Kind      EventKind // what happened
	Time      time.Time // when it was told, on this process's clock
	UserID    string    // these four are empty where not known
	ClientID  string
	SessionID string
	TokenID   string // jti of the access token
	Err       error  // the cause, for failures
}

// Observer is told of events. Event is called concurrently and within the
// request: it may not block.
type Observer interface {
	Event(ctx context.Context, e Event)
}

// LogObserver logs events to l; nil means [slog.Default] at the time of the
// event. Refused tokens, refreshes and hang-ups are at level debug, sign-ins and sign-outs
// at info; stolen tokens, lost rotations, and revocations and keys that are stale at warn; failures at error.
func LogObserver(l *slog.Logger) Observer { return logObserver{l} }

type logObserver struct{ logger *slog.Logger }

func (o logObserver) Event(ctx context.Context, e Event) {
	logger := o.logger
	if logger == nil {
		logger = slog.Default()
	}
	level := levelOf(e.Kind)
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 5)
	for _, a := range [...]struct{ key, value string }{{"user", e.UserID}, {"client", e.ClientID}, {"sid", e.SessionID}, {"jti", e.TokenID}} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	logger.LogAttrs(ctx, level, "passbearer: "+string(e.Kind), attrs...)
}

func levelOf(k EventKind) slog.Level {
	switch k {
	case EventTokenRefused, EventRefreshed, EventRefreshRepeated, EventAbandoned:
		return slog.LevelDebug
	case EventRefreshTokenStolen, EventRefreshHealed, EventRefreshLost, EventRevocationsStale, EventKeysStale:
		return slog.LevelWarn
	case EventUnavailable, EventPanic:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// failure tells what kind of failure on this side an answer is of, if it is one.
func failure(ctx context.Context, e *Error) (kind EventKind, failed bool) {
	var p *panicError
	switch {
	case e.StatusCode < http.StatusInternalServerError:
		return "", false
	case errors.As(e.Cause, &p):
		return EventPanic, true
	case errors.Is(ctx.Err(), context.Canceled): // it failed on purpose
		return EventAbandoned, true
	}
	return EventUnavailable, true
}

func observe(ctx context.Context, o Observer, e Event) {
	if o == nil {
		o = logObserver{}
	}
	e.Time = time.Now()
	o.Event(ctx, e)
}
