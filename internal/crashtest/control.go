package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

// reply is what the endpoints beside /token and /revoke answer.
type reply struct {
	SessionIDs []string      `json:"session_ids,omitempty"`
	SinceUsed  time.Duration `json:"since_used,omitempty"` // on the store's clock
	Fresh      bool          `json:"fresh,omitempty"`      // the revocations are
	Revoked    bool          `json:"revoked,omitempty"`
	Epochs     bool          `json:"epochs,omitempty"` // can be raised, and outlive the process
}

const pathRevoke = "/revoke"

// handleControl adds what a test needs and no real server has.
func (s *server) handleControl() {
	s.control("/can", func(context.Context, values) (reply, error) {
		_, edits := s.users.(passbearer.UserEditor)
		_, raises := s.users.(passbearer.EpochRaiser)
		return reply{Epochs: edits && raises && !s.backend.ForgetfulUsers}, nil
	})
	s.control("/user", func(ctx context.Context, v values) (reply, error) {
		return reply{}, s.addUser(ctx, v("user"))
	})
	s.control("/sessions", func(ctx context.Context, v values) (reply, error) {
		rows, err := s.sessions.List(ctx, v("user"))
		var ids []string
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return reply{SessionIDs: ids}, err
	})
	s.control("/end", func(ctx context.Context, v values) (reply, error) {
		return reply{}, s.sessions.End(ctx, v("user"), v("sid"))
	})
	s.control("/everywhere", func(ctx context.Context, v values) (reply, error) {
		return reply{}, s.sessions.EndAll(ctx, v("user"))
	})
	s.control("/disable", func(ctx context.Context, v values) (reply, error) {
		return reply{}, s.sessions.Disable(ctx, v("user"))
	})
	s.control("/enable", s.enable)
	s.control("/password", func(ctx context.Context, v values) (reply, error) {
		return reply{}, s.tokens.ChangePassword(ctx, v("user"), "old", "new")
	})
	s.control("/used", func(ctx context.Context, v values) (reply, error) {
		row, err := s.backend.Sessions.SessionByID(ctx, v("sid"))
		if err != nil {
			return reply{}, err
		}
		return reply{SinceUsed: row.AsOf.Sub(row.LastUsedAt)}, nil
	})
	s.control("/revoked", func(_ context.Context, v values) (reply, error) {
		if s.revocations == nil {
			return reply{}, errors.ErrUnsupported
		}
		fresh := !s.revocations.Stale() // first: what it knows later is no less
		return reply{Fresh: fresh, Revoked: s.revocations.Revoked(&passbearer.Claims{SessionID: v("sid")})}, nil
	})
}

func (s *server) enable(ctx context.Context, v values) (reply, error) {
	editor, ok := s.users.(passbearer.UserEditor)
	if !ok {
		return reply{}, errors.ErrUnsupported
	}
	_, err := editor.SetDisabled(ctx, v("user"), false)
	return reply{}, err
}

type values func(name string) string

// control answers 501 for what the store cannot do, and 503 for what failed.
func (s *server) control(path string, f func(context.Context, values) (reply, error)) {
	s.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		answer, err := f(r.Context(), r.FormValue)
		status := http.StatusOK
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			status = http.StatusNotImplemented
		case err != nil:
			status = http.StatusServiceUnavailable
			w.Header().Set(causeHeader, oneLine(err.Error()))
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(answer)
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
