package passbearer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/passbearer/passbearer/internal/deadline"
	"github.com/passbearer/passbearer/throttle"
)

// newThrottle is what a TokenHandler has where it was given none. With sessions
// it knows devices again after a restart, in every process that has their keys.
func newThrottle(sessions *Sessions) *throttle.Limiter {
	var opts throttle.Options
	if sessions != nil {
		for _, key := range sessions.keys.keys {
			opts.Secrets = append(opts.Secrets, key.secret()) // from which it derives its own
		}
	}
	l, err := throttle.New(&opts)
	if err != nil {
		panic(err) // the defaults are wrong, which a test would have seen
	}
	return l
}

// maxThrottleWait bounds Retry-After. What is in flight counts as failed until it
// has succeeded, so there may be room much sooner than the counter says.
const maxThrottleWait = time.Minute

// errThrottled is the same for every name, known or not.
func errThrottled(cause *throttle.Exceeded) *Error {
	return &Error{StatusCode: http.StatusTooManyRequests, ErrorCode: codeUnavailable, ErrorDescription: "Too many sign-in attempts",
		RetryAfter: min(cause.Wait, maxThrottleWait), Cause: cause}
}

// attempt calls check, which looks at the password, unless there were too many
// attempts. The attempt is counted first, and given back if the password was
// right or if check could not look at it.
func (h *TokenHandler) attempt(ctx context.Context, a throttle.Attempt, password string, check func() error) error {
	if h.opts.Throttle == nil { // InsecureSkipThrottling
		return check()
	}
	r, err := h.reserve(ctx, a)
	if exceeded, ok := errors.AsType[*throttle.Exceeded](err); ok {
		return errThrottled(exceeded)
	}
	if err != nil {
		return &storeError{"count the attempt", err}
	}
	settle := r.Refund // also when check panics
	defer func() {
		if err := settle(ctx); err != nil { // the attempt's outcome stands
			h.observe(ctx, Event{Kind: EventUnavailable, UserID: a.UserID, Err: err})
		}
	}()
	err = check()
	switch {
	case isSignInFailure(err):
		settle = func(ctx context.Context) error { return r.Fail(ctx, password) }
	case err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) && h.verifiesItself(): // it may have looked
		settle = func(context.Context) error { return nil }
	}
	return err
}

func (h *TokenHandler) reserve(ctx context.Context, a throttle.Attempt) (*throttle.Reservation, error) {
	ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
	defer cancel()
	return h.opts.Throttle.Reserve(ctx, a)
}

func (h *TokenHandler) verifiesItself() bool {
	_, ok := h.users.(PasswordVerifier)
	return ok
}

// DeviceCookie returns the cookie by which the throttle knows the device that sent r as
// the user's, or nil where there is none to set. The token endpoint sets it when a
// password was right. Set it where a password is changed or reset, too, with the user
// as they are then: the change makes the old one void.
func (h *TokenHandler) DeviceCookie(r *http.Request, user *User) *http.Cookie {
	if h.opts.Throttle == nil {
		return nil
	}
	return h.opts.Throttle.DeviceCookie(r, user.ID, user.Epoch)
}
