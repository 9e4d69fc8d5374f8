package passbearer

import (
	"context"
	"errors"
	"fmt"

	"github.com/passbearer/passbearer/password"
)

// errSignIn is the one answer to a sign-in that fails, whatever the reason.
func errSignIn(cause error) *Error {
	e := formError(codeInvalidGrant, "Incorrect username or password")
	e.Cause = cause
	return e
}

func (h *TokenHandler) passwordGrant(ctx context.Context, req *GrantRequest) (*Grant, error) {
	form, e := req.params.passwordForm()
	if e != nil {
		return nil, e
	}
	user, err := h.signIn(ctx, form.Username, form.Password)
	if err != nil {
		h.signInFailed(ctx, req, user, err)
		return nil, err
	}
	granted, err := h.scope(ctx, ScopeRequest{Asked: form.Scope, User: user, ClientID: req.Client.ID})
	if err != nil {
		return nil, err
	}
	return &Grant{User: user, Scope: granted, AMR: "pwd"}, nil
}

func (h *TokenHandler) signInFailed(ctx context.Context, req *GrantRequest, user *User, err error) {
	var e *Error
	if !errors.As(err, &e) || e.ErrorCode != codeInvalidGrant {
		return
	}
	event := Event{Kind: EventSignInFailed, ClientID: req.Client.ID, Err: e.Cause}
	if user != nil {
		event.UserID = user.ID
	}
	h.observe(ctx, event)
}

// signIn spends the same work for an unknown user, a disabled one and a wrong
// password, and answers them alike. The user returned with an error is whom the
// attempt was about, if anybody.
func (h *TokenHandler) signIn(ctx context.Context, typed, plain string) (*User, error) {
	name, nameErr := h.opts.CanonicalName(typed)
	var user *User
	if nameErr == nil {
		var err error
		if user, err = h.userByName(ctx, name); err != nil {
			return nil, err
		}
	}
	ok, rehash, err := h.verify(ctx, user, name, plain)
	switch {
	case errors.Is(err, password.ErrPassword), errors.Is(err, password.ErrHash):
		return user, errSignIn(err)
	case err != nil:
		return user, &storeError{"verify the password", err}
	case nameErr != nil:
		return nil, errSignIn(nameErr)
	case user == nil:
		return nil, errSignIn(ErrUserNotFound)
	case user.Disabled:
		return user, errSignIn(ErrUserDisabled)
	case !ok:
		return user, errSignIn(errWrongPassword)
	}
	if rehash {
		h.rehash(ctx, user, plain)
	}
	return user, nil
}

// userByName returns nil for a user who does not exist.
func (h *TokenHandler) userByName(ctx context.Context, name string) (*User, error) {
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
// and signs them out everywhere. A wrong one is an attempt, and
// answered as at sign-in. It fails with [errors.ErrUnsupported] where the UserStore
// is no [UserEditor], and with [password.ErrPassword] if the new one cannot be a
// password; rules for choosing one are the caller's. If the sessions' rows cannot be
// ended the error says so, and the new password is in effect.
func (h *TokenHandler) ChangePassword(ctx context.Context, userID, current, new string) error {
	users, ok := h.users.(UserEditor)
	if !ok {
		return fmt.Errorf("passbearer: change a password: %w by this UserStore", errors.ErrUnsupported)
	}
	user, err := userByID(ctx, h.users, userID)
	if err != nil {
		return err
	}
	ok, _, err = h.verify(ctx, user, user.Name, current)
	switch {
	case errors.Is(err, password.ErrPassword), errors.Is(err, password.ErrHash), err == nil && (!ok || user.Disabled):
		h.observe(ctx, Event{Kind: EventSignInFailed, UserID: userID, Err: errWrongPassword})
		return errSignIn(errWrongPassword)
	case err != nil:
		return &storeError{"verify the password", err}
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
		err = store.UpdatePasswordHash(ctx, user.ID, user.PasswordHash, hash)
	}
	h.observe(ctx, Event{Kind: EventPasswordRehashed, UserID: user.ID, Err: err})
}
