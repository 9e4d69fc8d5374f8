package main

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/passbearer/passbearer"
)

// changePassword ends every session of the user, that of a thief too, and begins another one for
// whoever has just proved to know both passwords. It answers as a token request.
func (a *app) changePassword(w http.ResponseWriter, r *http.Request, user *passbearer.User) {
	var form struct{ Current, New string }
	if !read(w, r, &form) || !a.mayChoose(w, r, "new", form.New, user.Name) {
		return
	}
	if err := a.tokens.ChangePassword(r.Context(), user.ID, form.Current, form.New); err != nil {
		denyChange(w, r, err)
		return
	}
	r, err := a.knownDevice(w, r, user.ID)
	if err != nil {
		fail(w, r, err)
		return
	}
	a.tokens.ServeHTTP(w, withForm(r, url.Values{"grant_type": {"password"}, "username": {user.Name}, "password": {form.New}}))
}

func denyChange(w http.ResponseWriter, r *http.Request, err error) {
	var e *passbearer.Error
	switch {
	case errors.As(err, &e) && e.ErrorCode == "invalid_grant":
		respond(w, http.StatusUnprocessableEntity, refusal{Field: "current", Detail: "This is not your password."})
	case errors.Is(err, passbearer.ErrPasswordChanged):
		respond(w, http.StatusConflict, refusal{Detail: "The password was changed meanwhile, somewhere else."})
	default:
		fail(w, r, err)
	}
}

// knownDevice returns r as it would be with the device's cookie for the new password, which it also
// sets: the old one is void, and a user whose account is under attack could not sign in without.
func (a *app) knownDevice(w http.ResponseWriter, r *http.Request, userID string) (*http.Request, error) {
	user, err := a.store.UserByID(r.Context(), userID)
	if err != nil {
		return r, err
	}
	if device := a.tokens.DeviceCookie(r, user); device != nil {
		http.SetCookie(w, device)
		r = r.Clone(r.Context())
		r.Header.Set("Cookie", device.Name+"="+device.Value)
	}
	return r, nil
}
