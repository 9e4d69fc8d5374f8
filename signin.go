package passbearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/passbearer/passbearer/internal/deadline"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// errSignIn is the one answer to a sign-in that fails, whatever the reason.
func errSignIn(cause error) *Error {
	e := formError(codeInvalidGrant, "Incorrect username or password")
	e.Cause = cause
	return e
}

func isSignInFailure(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.ErrorCode == codeInvalidGrant
}

func (h *TokenHandler) passwordGrant(ctx context.Context, req *GrantRequest) (*Grant, error) {
	form, e := req.params.passwordForm()
	if e != nil {
		return nil, e
	}
	user, err := h.signIn(ctx, req.Request, form)
	if err != nil {
		h.signInRefused(ctx, Event{UserID: userID(user), ClientID: req.Client.ID}, err)
		return nil, err
	}
	ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
	defer cancel()
	granted, err := h.scope(ctx, ScopeRequest{Asked: form.Scope, User: user, ClientID: req.Client.ID})
	if err != nil {
		return nil, err
	}
	grant := &Grant{User: user, Scope: granted, AMR: "pwd", device: h.DeviceCookie(req.Request, user)}
	if h.opts.AfterPassword != nil {
		if err := h.opts.AfterPassword(ctx, req, grant); err != nil {
			return nil, knownDevice(err, grant.device)
		}
	}
	return grant, nil
}

// knownDevice adds the device's cookie to a refusal: the password was right, and
// that is all the throttle wants to know of a device.
func knownDevice(err error, device *http.Cookie) error {
	var e *Error
	if device == nil || !errors.As(err, &e) {
		return err
	}
	e = e.copy()
	e.addHeader("Set-Cookie", device.String())
	return e
}

// signInRefused tells of a wrong password and of too many attempts; other
// failures are told where they are answered.
func (h *TokenHandler) signInRefused(ctx context.Context, event Event, err error) {
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	event.Kind, event.Err = EventSignInFailed, e.Cause
	if e.StatusCode == http.StatusTooManyRequests {
		event.Kind = EventSignInThrottled
	}
	h.observe(ctx, event)
}

// signIn spends the same work for an unknown user, a disabled one and a wrong
// password, and answers them alike. The user returned with an error is whom the
// attempt was about, if anybody.
func (h *TokenHandler) signIn(ctx context.Context, r *http.Request, form *PasswordForm) (*User, error) {
	if err := h.ready(); err != nil {
		return nil, err
	}
	attempt := throttle.Attempt{Request: r}
	name, nameErr := h.opts.CanonicalName(form.Username)
	var user *User
	if attempt.Account = name; nameErr != nil {
		attempt.Account = "\x00" + form.Username // nobody's
	} else {
		var err error
		if user, err = h.userByName(ctx, name); err != nil {
			return nil, err
		}
	}
	if user != nil {
		attempt.UserID, attempt.Epoch = user.ID, user.Epoch
	}
	rehash := false
	err := h.attempt(ctx, attempt, form.Password, func() (err error) {
		rehash, err = h.authenticate(ctx, user, name, form.Password)
		return err
	})
	if err != nil && nameErr != nil && isSignInFailure(err) {
		err = errSignIn(nameErr)
	}
	if rehash {
		h.rehash(ctx, user, form.Password)
	}
	return user, err
}

// ready keeps what cannot be hashed now from the stores, which in a storm of sign-ins
// is nearly all.
func (h *TokenHandler) ready() error {
	if h.verifiesItself() {
		return nil
	}
	if err := h.opts.Passwords.Ready(); err != nil {
		return &storeError{"verify the password", err}
	}
	return nil
}

// authenticate takes a nil user for one who does not exist.
func (h *TokenHandler) authenticate(ctx context.Context, user *User, name, plain string) (rehash bool, err error) {
	ok, rehash, err := h.verify(ctx, user, name, plain)
	switch {
	case errors.Is(err, password.ErrPassword), errors.Is(err, password.ErrHash):
		return false, errSignIn(err)
	case err != nil:
		return false, &storeError{"verify the password", err}
	case user == nil:
		return false, errSignIn(ErrUserNotFound)
	case user.Disabled:
		return false, errSignIn(ErrUserDisabled)
	case !ok:
		return false, errSignIn(errWrongPassword)
	}
	return rehash, nil
}

func userID(user *User) string {
	if user == nil {
		return ""
	}
	return user.ID
}

// userByName returns nil for a user who does not exist.
func (h *TokenHandler) userByName(ctx context.Context, name string) (*User, error) {
	ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
	defer cancel()
	user, err := h.users.UserByName(ctx, name)
	if errors.Is(err, ErrUserNotFound) {
		return nil, nil
	}
	return checkUser(user, err)
}

func userByID(ctx context.Context, users UserStore, id string) (*User, error) {
	user, err := users.UserByID(ctx, id)
	if user, err = checkUser(user, err); err == nil && user.ID != id {
		return nil, errors.New("the UserStore returned another user")
	}
	return user, err
}

func checkUser(user *User, err error) (*User, error) {
	switch {
	case err != nil:
		return nil, &storeError{"load the user", err}
	case user == nil:
		return nil, errors.New("the UserStore returned neither a user nor an error")
	case user.ID == "":
		return nil, errors.New("the UserStore returned a user without an id")
	}
	return user, nil
}

func (h *TokenHandler) verify(ctx context.Context, user *User, name, plain string) (ok, rehash bool, err error) {
	if verifier, own := h.users.(PasswordVerifier); own {
		if len(plain) > password.MaxLength {
			return false, false, password.ErrPassword
		}
		ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
		defer cancel()
		ok, err = verifier.VerifyPassword(ctx, name, plain)
		return ok, false, err
	}
	hash := ""
	if user != nil {
		hash = user.PasswordHash
	}
	return h.opts.Passwords.Verify(ctx, plain, hash)
}

// ChangePassword gives the user another password if current is the one they have,
// and signs them out everywhere. Attempts are counted for the user alone, apart from
// those of sign-in, so that strangers cannot get in the way. Rules for choosing a
// password are the caller's. A handler has to tell these errors apart, the first one
// before the others, for its Cause can be one of them:
//
//   - an [*Error]: 400 invalid_grant as at sign-in, if current is wrong or the user is
//     disabled, and 429 after too many attempts. [Deny] answers it as it is;
//   - [ErrPasswordChanged], if another call was first, [ErrUserNotFound], and
//     [password.ErrPassword], if the new one cannot be a password. Deny makes 500 of
//     them: what they mean to a client, the application knows;
//   - an error of a store, [password.ErrBusy] and [password.ErrPepper]: Deny makes 503 of
//     them. If the sessions' rows could not be ended the error says so, and the new
//     password is in effect;
//   - [errors.ErrUnsupported] where the UserStore is no [UserEditor]: 500.
func (h *TokenHandler) ChangePassword(ctx context.Context, userID, current, new string) error {
	users, ok := h.users.(UserEditor)
	if !ok {
		return fmt.Errorf("passbearer: change a password: %w by this UserStore", errors.ErrUnsupported)
	}
	if err := h.ready(); err != nil {
		return err
	}
	user, err := userByID(ctx, h.users, userID)
	if err != nil {
		return err
	}
	err = h.attempt(ctx, throttle.Attempt{UserID: userID}, current, func() error {
		_, err := h.authenticate(ctx, user, user.Name, current)
		return err
	})
	if err != nil {
		h.signInRefused(ctx, Event{UserID: userID}, err)
		return err
	}
	hash, err := h.opts.Passwords.Hash(ctx, new)
	if err != nil {
		return fmt.Errorf("passbearer: hash the new password: %w", err)
	}
	epoch, err := users.SetPasswordHash(ctx, userID, user.PasswordHash, hash)
	if err != nil {
		return &storeError{"passbearer: change a password", err}
	}
	if h.opts.Sessions != nil {
		return h.opts.Sessions.endAll(ctx, EventPasswordChanged, userID, epoch)
	}
	h.observe(ctx, Event{Kind: EventPasswordChanged, UserID: userID})
	return nil
}

var errWrongPassword = errors.New("wrong password")

// rehash is a courtesy: signing in succeeds without it, and the next one tries
// again.
func (h *TokenHandler) rehash(ctx context.Context, user *User, plain string) {
	store, ok := h.users.(PasswordHashUpdater)
	if !ok {
		return
	}
	hash, err := h.opts.Passwords.Hash(ctx, plain)
	if err == nil {
		ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
		defer cancel()
		err = store.UpdatePasswordHash(ctx, user.ID, user.PasswordHash, hash)
	}
	h.observe(ctx, Event{Kind: EventPasswordRehashed, UserID: user.ID, Err: err})
}
