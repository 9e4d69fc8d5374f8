package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
)

// signedIn is one of the places where a user is signed in.
type signedIn struct {
	ID        string    `json:"id"`
	UserAgent string    `json:"user_agent"` // as it said of itself
	Since     time.Time `json:"since"`
	LastUsed  time.Time `json:"last_used"` // when its tokens were renewed last
	Current   bool      `json:"current"`   // the one that asks
}

func (a *app) listSessions(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
	sessions, err := a.sessions.List(r.Context(), c.Subject)
	if err != nil {
		fail(w, r, err)
		return
	}
	list := make([]signedIn, 0, len(sessions))
	for _, s := range sessions {
		list = append(list, signedIn{s.ID, s.UserAgent, s.CreatedAt, s.LastUsedAt, s.ID == c.SessionID})
	}
	respond(w, http.StatusOK, list)
}

// endSession takes ids of the user's own alone; another's is not found.
func (a *app) endSession(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
	id := r.PathValue("id")
	err := a.sessions.End(r.Context(), c.Subject, id)
	switch {
	case errors.Is(err, passbearer.ErrSessionNotFound):
		respond(w, http.StatusNotFound, refusal{Detail: "There is no such session"})
	case err != nil:
		fail(w, r, err)
	default:
		if id == c.SessionID {
			clearCookies(w)
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// endSessions signs the user out everywhere, here too.
func (a *app) endSessions(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
	if err := a.sessions.EndAll(r.Context(), c.Subject); err != nil {
		fail(w, r, err)
		return
	}
	clearCookies(w)
	w.WriteHeader(http.StatusNoContent)
}
