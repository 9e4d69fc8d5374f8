package mfa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/throttle"
)

// maxThrottleWait bounds Retry-After, as the token endpoint does: what is in flight
// counts until it has succeeded.
const maxThrottleWait = time.Minute

// Why an mfa_token or a code was refused. The client is told which of the two it was.
var (
	errToken    = errors.New("the mfa_token is not genuine")
	errExpired  = errors.New("the mfa_token has expired")
	errClient   = errors.New("the mfa_token is another client's")
	errKey      = errors.New("the mfa_token is bound to another key")
	errUser     = errors.New("the user is disabled, or signed out everywhere since the password")
	errRedeemed = errors.New("the mfa_token was redeemed before")
	errCode     = errors.New("wrong code")
)

// Grant is the [passbearer.GrantFunc] of [GrantType].
func (f *SecondFactor) Grant(ctx context.Context, req *passbearer.GrantRequest) (*passbearer.Grant, error) {
	for _, name := range [...]string{"mfa_token", "otp"} {
		if req.Param(name) == "" {
			return nil, refusal("invalid_request", "Missing parameter: "+name, nil)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, f.opts.Timeout)
	defer cancel()
	t, err := f.token(req)
	if err != nil {
		return nil, f.refused(ctx, passbearer.Event{ClientID: req.Client.ID}, err)
	}
	user, err := f.user(ctx, t)
	var scope passbearer.Scope
	if err == nil {
		scope, err = f.scope(ctx, t, user)
	}
	if err == nil {
		err = f.attempt(ctx, t, func() error { return f.redeem(ctx, t, user, req.Param("otp")) })
	}
	if err != nil {
		return nil, f.refused(ctx, passbearer.Event{UserID: t.userID, ClientID: t.clientID}, err)
	}
	return &passbearer.Grant{User: user, Scope: scope, AuthTime: f.opts.Now(), ACR: f.opts.ACR,
		AMR: strings.TrimSpace(t.amr + " " + f.opts.AMR), JKT: t.jkt, Extra: t.extra}, nil
}

// token checks all that costs no I/O.
func (f *SecondFactor) token(req *passbearer.GrantRequest) (t token, err error) {
	t, ok := open(f.keys, req.Param("mfa_token"))
	switch {
	case !ok:
		return t, badToken(errToken)
	case f.opts.Now().Unix() >= t.expiry:
		return t, badToken(errExpired)
	case t.clientID != req.Client.ID:
		return t, badToken(errClient)
	case t.jkt != req.JKT:
		return t, badToken(errKey)
	}
	return t, nil
}

// user loads the user again: they may have been disabled, or their password changed.
func (f *SecondFactor) user(ctx context.Context, t token) (*passbearer.User, error) {
	user, err := f.users.UserByID(ctx, t.userID)
	switch {
	case errors.Is(err, passbearer.ErrUserNotFound):
		return nil, badToken(err)
	case err != nil:
		return nil, unavailable(fmt.Errorf("load the user: %w", err))
	case user == nil || user.ID != t.userID:
		return nil, unavailable(errors.New("the UserStore returned neither the user nor an error"))
	case user.Disabled || user.Epoch != t.epoch:
		return nil, badToken(errUser)
	}
	return user, nil
}

// scope is decided once more, for the user may have lost some of it. What was not
// granted with the password is not granted now, be it that nothing was, which a policy
// takes for no wish.
func (f *SecondFactor) scope(ctx context.Context, t token, user *passbearer.User) (passbearer.Scope, error) {
	scope, err := f.opts.ScopePolicy(ctx, passbearer.ScopeRequest{Asked: passbearer.Scope(t.scope), User: user, ClientID: t.clientID})
	if err == nil && !scope.Valid() {
		err = errors.New("mfa: the scope policy returned a malformed scope")
	}
	return scope.Intersect(passbearer.Scope(t.scope)), err
}

// attempt calls check, which looks at the code, unless there were too many attempts.
// The attempt is counted first, and given back if all was right, or if check could
// not look.
func (f *SecondFactor) attempt(ctx context.Context, t token, check func() error) error {
	r, err := f.opts.Throttle.Reserve(ctx, throttle.Attempt{UserID: t.userID})
	var exceeded *throttle.Exceeded
	switch {
	case errors.As(err, &exceeded):
		return tooMany(exceeded)
	case err != nil:
		return unavailable(err)
	}
	settle := r.Refund // also when check panics
	defer func() {
		if err := settle(ctx); err != nil { // the attempt's outcome stands
			f.observe(ctx, passbearer.Event{Kind: passbearer.EventUnavailable, UserID: t.userID, Err: err})
		}
	}()
	err = check()
	switch {
	case isRefusal(err):
		settle = func(ctx context.Context) error { return r.Fail(ctx, "") } // there is no password
	case err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)): // it may have looked
		settle = func(context.Context) error { return nil }
	}
	return err
}

// redeem takes the code, and then the token, before anything is issued.
func (f *SecondFactor) redeem(ctx context.Context, t token, user *passbearer.User, code string) error {
	ok, err := f.verify(ctx, user, code)
	if err != nil {
		return fmt.Errorf("mfa: verify the code: %w", err)
	}
	if !ok {
		return refusal("invalid_grant", "Incorrect code", errCode)
	}
	left := time.Unix(t.expiry, 0).Sub(f.opts.Now())
	first, err := f.opts.Replays.UseOnce(ctx, t.usedID(), left+f.opts.Lifetime) // another process's clock may be behind
	switch {
	case err != nil:
		return unavailable(fmt.Errorf("use the mfa_token: %w", err))
	case !first:
		return badToken(errRedeemed)
	}
	return nil
}

// refused tells of wrong codes and of too many; other failures are told where they
// are answered.
func (f *SecondFactor) refused(ctx context.Context, event passbearer.Event, err error) error {
	var e *passbearer.Error
	if !errors.As(err, &e) || e.StatusCode >= http.StatusInternalServerError {
		return err
	}
	event.Kind, event.Err = passbearer.EventSignInFailed, e.Cause
	if e.StatusCode == http.StatusTooManyRequests {
		event.Kind = passbearer.EventSignInThrottled
	}
	f.observe(ctx, event)
	return err
}

func (f *SecondFactor) observe(ctx context.Context, e passbearer.Event) {
	e.Time = time.Now()
	f.opts.Observer.Event(ctx, e)
}

func isRefusal(err error) bool {
	var e *passbearer.Error
	return errors.As(err, &e) && e.StatusCode < http.StatusInternalServerError
}

func refusal(code, description string, cause error) *passbearer.Error {
	return &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: code, ErrorDescription: description, Cause: cause}
}

// badToken is one answer for all reasons: the user has to begin anew.
func badToken(cause error) *passbearer.Error {
	return refusal("invalid_grant", "The mfa_token is not valid: sign in again", cause)
}

func tooMany(cause *throttle.Exceeded) *passbearer.Error {
	return &passbearer.Error{StatusCode: http.StatusTooManyRequests, ErrorCode: "temporarily_unavailable", ErrorDescription: "Too many attempts",
		RetryAfter: min(cause.Wait, maxThrottleWait), Cause: cause}
}

// unavailable hides from the answer what a store's error may hold.
func unavailable(cause error) *passbearer.Error {
	return &passbearer.Error{StatusCode: http.StatusServiceUnavailable, ErrorCode: "temporarily_unavailable", ErrorDescription: "Temporarily unavailable",
		RetryAfter: time.Second, Cause: fmt.Errorf("mfa: %w", cause)}
}
