// Package mfa asks for a second factor after the password: a code of an
// authenticator (TOTP, RFC 6238), or one that was sent.
//
// Make a [SecondFactor] with [New], and hand it to the token endpoint:
//
//	second, err := mfa.New(secret, users, verify, &mfa.Options{Replays: store})
//	passbearer.NewTokenHandler(users, tokens, &passbearer.TokenHandlerOptions{
//		AfterPassword: second.Challenge,
//		Grants:        map[string]passbearer.GrantFunc{mfa.GrantType: second.Grant},
//	})
//
// A right password is then answered 400 with the error mfa_required and an
// mfa_token. A second token request redeems it, with grant_type [GrantType], the
// mfa_token and the code as otp. A wrong code may be corrected until the mfa_token
// expires or the attempts are used up; what it was redeemed for once, it is of no use
// for again. [Options.ACR] is the acr of the tokens, which a Guard's RequireACR
// demands.
//
// The mfa_token authenticates itself. It proves that a password was right, and is
// neither an access token nor a refresh token.
//
// Out of scope are enrolment, the keeping of factors, the sending of codes, and
// factors that answer a challenge, such as WebAuthn.
package mfa

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/throttle"
)

// GrantType is the grant_type that redeems an mfa_token. Its parameters are
// mfa_token and otp.
const GrantType = "urn:passbearer:params:oauth:grant-type:mfa-otp"

// The defaults of [Options].
const (
	DefaultLifetime = 5 * time.Minute
	DefaultAMR      = "otp mfa"
)

const maxLifetime = time.Hour

// VerifyFunc reports whether code, as the client sent it and never empty, is the
// user's now. It is called concurrently, and within [Options.Timeout]. An error that
// is a [*passbearer.Error] is answered as it is, any other 503.
//
// A code of an authenticator has to be taken once only (RFC 6238 §5.2), for whoever
// saw it being typed has it too: see [UseTimeStep].
type VerifyFunc func(ctx context.Context, user *passbearer.User, code string) (bool, error)

// Options are the settings of a [SecondFactor]. Nil and the zero value mean the
// defaults.
type Options struct {
	// Replays remembers which mfa_tokens were redeemed, for at most twice Lifetime.
	// Nil: in this process alone, so that processes which share the secret need one
	// that they share.
	Replays passbearer.ReplayStore

	// Required reports whether a user needs the second factor. It is called when the
	// password was right, with errors as those of a [VerifyFunc]. Nil: everybody does.
	Required func(ctx context.Context, user *passbearer.User) (bool, error)

	// Lifetime is how long an mfa_token is good for: 1 s to an hour. The clocks of
	// processes may differ by as much. Zero: 5 minutes.
	Lifetime time.Duration

	// Timeout bounds what the stores and the VerifyFunc may take together, by their
	// context. Zero: [passbearer.DefaultStoreTimeout].
	Timeout time.Duration

	// Throttle bounds wrong codes by user, as its Device option says. Nil: one of
	// this SecondFactor, in memory, which takes 25 wrong codes and then one every 10
	// hours; whoever uses them up had the password. Where it is the TokenHandler's,
	// wrong passwords at a change of password count with the codes.
	Throttle *throttle.Limiter

	// ScopePolicy is asked when an mfa_token is redeemed for what was granted after
	// the password, and should be the TokenHandler's. Nil: [passbearer.GrantScope].
	ScopePolicy func(context.Context, passbearer.ScopeRequest) (passbearer.Scope, error)

	// ACR is the acr of what is granted with the second factor. Empty: none.
	ACR string

	// AMR is what the second factor adds to the amr, separated by spaces (RFC 8176).
	// Empty: "otp mfa", so that with a password the amr is "pwd otp mfa".
	AMR string

	// OtherSecrets are taken in mfa_tokens too: to change the secret, the new one is
	// put here everywhere before it is the secret, and the old one for Lifetime
	// afterwards.
	OtherSecrets [][]byte

	// Observer is told of wrong codes and of too many. Nil:
	// [passbearer.LogObserver](nil).
	Observer passbearer.Observer

	// Now is the clock. Nil: [time.Now].
	Now func() time.Time
}

// Format hides the secrets from package fmt.
func (Options) Format(s fmt.State, _ rune) { io.WriteString(s, "mfa.Options{…}") }

// LogValue hides the secrets from package slog.
func (Options) LogValue() slog.Value { return slog.StringValue("mfa.Options{…}") }

// SecondFactor asks for a second factor, and takes it. It is safe for concurrent
// use. Make it with [New].
type SecondFactor struct {
	users  passbearer.UserStore
	verify VerifyFunc
	opts   Options
	keys   []key // the first signs
}

// Format hides the keys from package fmt, which prints what is not exported without
// asking it.
func (SecondFactor) Format(s fmt.State, _ rune) { io.WriteString(s, "mfa.SecondFactor{…}") }

// LogValue hides the keys from package slog.
func (SecondFactor) LogValue() slog.Value { return slog.StringValue("mfa.SecondFactor{…}") }

// New returns a SecondFactor of users, those of the token endpoint; nil options mean
// the defaults. The secret has 32 random bytes or more, and is the same in every
// process; it may be one of passbearer.NewRefreshKeys, for other keys are derived
// from it. The error says which secret or option to mend. New panics if users or
// verify is nil.
func New(secret []byte, users passbearer.UserStore, verify VerifyFunc, opts *Options) (*SecondFactor, error) {
	if users == nil || verify == nil {
		panic("mfa: New needs the UserStore of the token endpoint, and a function that verifies codes")
	}
	f := &SecondFactor{users: users, verify: verify}
	if opts != nil {
		f.opts = *opts
	}
	for _, s := range append([][]byte{secret}, f.opts.OtherSecrets...) {
		k, err := newKey(s)
		if err != nil {
			return nil, err
		}
		f.keys = append(f.keys, k)
	}
	f.opts.OtherSecrets = nil
	if err := f.opts.fill(); err != nil {
		return nil, err
	}
	return f, nil
}

func (o *Options) fill() (err error) {
	o.Lifetime = cmp.Or(o.Lifetime, DefaultLifetime)
	o.Timeout = cmp.Or(o.Timeout, passbearer.DefaultStoreTimeout)
	o.AMR = cmp.Or(o.AMR, DefaultAMR)
	switch {
	case o.Lifetime < time.Second || o.Lifetime > maxLifetime:
		return fmt.Errorf("mfa: Options.Lifetime is not between a second and %v", maxLifetime)
	case o.Timeout < 0:
		return errors.New("mfa: Options.Timeout is negative: leave it zero for the default")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Replays == nil {
		o.Replays = &memstore.Store{Now: o.Now}
	}
	if o.ScopePolicy == nil {
		o.ScopePolicy = passbearer.GrantScope
	}
	if o.Observer == nil {
		o.Observer = passbearer.LogObserver(nil)
	}
	if o.Throttle == nil {
		o.Throttle, err = throttle.New(&throttle.Options{Now: o.Now})
	}
	return err
}

// Challenge is for TokenHandlerOptions.AfterPassword: its error asks for the second
// factor where it is required. Of the Grant it keeps the Scope, the AMR and the Extra
// in the mfa_token.
func (f *SecondFactor) Challenge(ctx context.Context, req *passbearer.GrantRequest, g *passbearer.Grant) error {
	if f.opts.Required != nil {
		required, err := f.opts.Required(ctx, g.User)
		if err != nil {
			return fmt.Errorf("mfa: ask whether the second factor is required: %w", err)
		}
		if !required {
			return nil
		}
	}
	token, err := f.keys[0].seal(newToken(req, g, f.opts.Now().Add(f.opts.Lifetime)))
	if err != nil {
		return err
	}
	return &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: "mfa_required", ErrorDescription: "A second factor is required",
		Extra: map[string]any{"mfa_token": token, "expires_in": int64(f.opts.Lifetime / time.Second)}}
}
