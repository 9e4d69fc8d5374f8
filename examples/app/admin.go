package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/passbearer/passbearer"
)

const scopeAdmin = "admin"

// addAdmin adds a user who has the scope admin, which signing up never gives. The password is a
// random one: nobody can be quicker to take the name, nothing has a default, and what is typed on a
// command line is seen by others. It is printed once, by a command that ends, and not by the server,
// whose output is kept.
func addAdmin(ctx context.Context, out io.Writer, s *store, name string) error {
	secret := rand.Text()
	user, err := passbearer.NewUser(ctx, name, secret, scopeAdmin)
	if err == nil {
		err = s.AddUser(ctx, user)
	}
	if err != nil {
		return fmt.Errorf("-admin: %w", err)
	}
	fmt.Fprintf(out, "Sign in as %s with the password %s and change it.\n", user.Name, secret)
	return nil
}

// disable keeps a user from signing in, and ends their sessions and tokens at once.
func (a *app) disable(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
	user, ok := a.named(w, r)
	if !ok {
		return
	}
	if user.ID == c.Subject {
		respond(w, http.StatusConflict, refusal{Field: "username", Detail: "This is you. Another administrator has to do it."})
		return
	}
	if err := a.sessions.Disable(r.Context(), user.ID); err != nil {
		fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// enable lets a user sign in again. What was ended stays so.
func (a *app) enable(w http.ResponseWriter, r *http.Request, _ *passbearer.Claims) {
	user, ok := a.named(w, r)
	if !ok {
		return
	}
	if _, err := a.store.SetDisabled(r.Context(), user.ID, false); err != nil {
		fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// named returns the user that the path names, or answers and reports false.
func (a *app) named(w http.ResponseWriter, r *http.Request) (*passbearer.User, bool) {
	name, err := passbearer.CanonicalName(r.PathValue("name"))
	if err != nil {
		err = passbearer.ErrUserNotFound
	}
	var user *passbearer.User
	if err == nil {
		user, err = a.store.UserByName(r.Context(), name)
	}
	switch {
	case errors.Is(err, passbearer.ErrUserNotFound):
		respond(w, http.StatusNotFound, refusal{Field: "username", Detail: "There is no user of this name."})
	case err != nil:
		fail(w, r, err)
	}
	return user, err == nil
}
