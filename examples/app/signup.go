package main

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// names are what may be chosen: nobody's looks like another's in other letters, and
// none has characters that cannot be seen.
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)

// signUp adds a user. That a name is taken is told: whoever chooses one has to know. With e-mail
// addresses for names, answer both alike and send mail.
func (a *app) signUp(w http.ResponseWriter, r *http.Request) {
	var form struct{ Username, Password string }
	if !read(w, r, &form) {
		return
	}
	name, err := passbearer.CanonicalName(form.Username)
	if err != nil || !names.MatchString(name) {
		respond(w, http.StatusUnprocessableEntity, refusal{Field: "username", Detail: "Use 2 to 32 letters from a to z, digits, dots, dashes and underscores."})
		return
	}
	if !a.mayChoose(w, r, "password", form.Password, name) {
		return
	}
	if _, err := a.signUps.Reserve(r.Context(), throttle.Attempt{Request: r, Account: name}); err != nil { // stays counted
		fail(w, r, tooManySignUps(err))
		return
	}
	user, err := passbearer.NewUser(r.Context(), name, form.Password, "")
	if err == nil {
		err = a.store.AddUser(r.Context(), user)
	}
	switch {
	case errors.Is(err, passbearer.ErrUserExists):
		respond(w, http.StatusConflict, refusal{Field: "username", Detail: "This name is taken."})
	case err != nil:
		fail(w, r, err)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

// mayChoose asks the policy, or answers and reports false. The reasons are for programs; the
// sentences are shown next to the field.
func (a *app) mayChoose(w http.ResponseWriter, r *http.Request, field, chosen string, words ...string) bool {
	reasons, err := a.policy.Check(r.Context(), chosen, words...)
	if err != nil { // only with Policy.Breached
		fail(w, r, err)
		return false
	}
	if len(reasons) > 0 {
		respond(w, http.StatusUnprocessableEntity, refusal{Field: field, Detail: sentences(a.policy, reasons), Reasons: reasons})
	}
	return len(reasons) == 0
}

func sentences(p password.Policy, reasons []password.Reason) string {
	var all []string
	for _, reason := range reasons {
		all = append(all, p.Sentence(reason))
	}
	return strings.Join(all, " ")
}

func tooManySignUps(err error) error {
	var exceeded *throttle.Exceeded
	if !errors.As(err, &exceeded) {
		return err
	}
	return &passbearer.Error{StatusCode: http.StatusTooManyRequests, ErrorDescription: "Too many sign-ups from here. Try again later.", RetryAfter: exceeded.Wait}
}
