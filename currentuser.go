package passbearer

import (
	"context"
	"errors"
	"net/http"
)

// WithUser adapts f, which wants the application's own user, to
// [Guard.HandlerFunc]. load finds the user that the claims name. Its errors are
// answered: [ErrUserNotFound] and [ErrUserDisabled] 401 invalid_token, an
// [*Error] as it is, any other 503.
func WithUser[U any](load func(context.Context, *Claims) (U, error), f func(http.ResponseWriter, *http.Request, U)) func(http.ResponseWriter, *http.Request, *Claims) {
	if load == nil || f == nil {
		panic("passbearer: WithUser needs both functions")
	}
	return func(w http.ResponseWriter, r *http.Request, c *Claims) {
		var user U
		err := guardPanic(func() (err error) {
			user, err = load(r.Context(), c)
			return err
		})
		if err != nil {
			g := guardOf(r.Context())
			g.deny(w, r, g.finish(g.loadError(err, c)), c)
			return
		}
		f(w, r, user)
	}
}

// CurrentUser returns a load function for [WithUser]: the user of users whose id
// is the token's subject, refused when disabled since. users has [DefaultStoreTimeout]
// for it.
func CurrentUser(users UserStore) func(context.Context, *Claims) (*User, error) {
	if users == nil {
		panic("passbearer: CurrentUser needs a UserStore")
	}
	return func(ctx context.Context, c *Claims) (*User, error) {
		ctx, cancel := context.WithTimeout(ctx, DefaultStoreTimeout)
		defer cancel()
		user, err := userByID(ctx, users, c.Subject)
		if err == nil && user.Disabled {
			return nil, ErrUserDisabled
		}
		return user, err
	}
}

func (g *Guard) loadError(err error, c *Claims) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.copy()
	case errors.Is(err, ErrUserNotFound), errors.Is(err, ErrUserDisabled):
		if c.Confirmation != (Confirmation{}) {
			return g.underKey(invalidToken(err))
		}
		return invalidToken(err)
	}
	return unavailable(err)
}
