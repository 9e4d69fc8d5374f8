package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const storeTimeout = 5 * time.Second

var errNoSession = fmt.Errorf("%w: there is no session", ErrSignInRequired)

// renew is the flight that brings a token which is valid and saved. The second look is
// for a session that has ended while another process began the next one.
func (s *Source) renew(ctx context.Context) error {
	if s.state.unsaved != nil {
		if err := s.saveAgain(ctx); err != nil || usable(s.state.token, time.Now()) {
			return err
		}
	}
	for range 2 {
		if err := s.load(ctx); err != nil {
			return err
		}
		if now := time.Now(); usable(s.state.token, now) && !s.state.due(now) {
			return nil
		}
		switch presented := s.state.refreshToken(); {
		case presented == "":
			return errNoSession
		case presented == s.state.endedToken:
			return s.state.ended
		}
		if err := s.refresh(ctx); !errors.Is(err, ErrSignInRequired) {
			return err
		}
	}
	return s.state.ended
}

// load takes what other processes have saved.
func (s *Source) load(ctx context.Context) error {
	token, err := s.stored(ctx)
	if err == nil && s.state.isNews(token) {
		s.change(func(now *state) { now.take(clone(token)) })
	}
	return err
}

// stored returns nil where there is nothing, or no Store.
func (s *Source) stored(ctx context.Context) (*oauth2.Token, error) {
	if s.store == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	token, err := s.store.Load(ctx)
	if err != nil {
		s.change((*state).postpone)
		return nil, fmt.Errorf("tokensource: load the token: %w", err)
	}
	return token, nil
}

// saveAgain saves what could not be saved before. Another process may have got the same
// token since and gone on from it, or begun another session: that is not overwritten.
func (s *Source) saveAgain(ctx context.Context) error {
	if s.state.spent == "" {
		return s.save(ctx)
	}
	token, err := s.stored(ctx)
	switch {
	case err != nil:
		return err
	case token == nil, token.RefreshToken == s.state.spent, token.RefreshToken == s.state.unsaved.RefreshToken:
		return s.save(ctx)
	}
	s.change(func(now *state) { now.take(clone(token)) })
	return nil
}

// save gives the unsaved token to the Store, and then to callers.
func (s *Source) save(ctx context.Context) error {
	if s.store != nil {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if err := s.store.Save(ctx, clone(s.state.unsaved)); err != nil {
			s.change((*state).postpone)
			return fmt.Errorf("tokensource: save the token: %w", err)
		}
	}
	s.change(func(now *state) { now.take(now.unsaved) })
	return nil
}

// refresh presents the refresh token, and saves what it is exchanged for.
func (s *Source) refresh(ctx context.Context) error {
	presented := s.state.refreshToken()
	token, err := s.exchange(ctx, presented)
	if err == nil {
		s.change(func(now *state) { now.unsaved, now.spent = token, presented })
		return s.save(ctx)
	}
	if isEnd(err) {
		err = fmt.Errorf("%w: %w", ErrSignInRequired, err)
		s.change(func(now *state) { now.end(err) })
		return err
	}
	s.change(func(now *state) { now.pause(err, retryAfter(err)) })
	return err
}

// isEnd reports whether the server says that the refresh token is not valid (any more).
func isEnd(err error) bool {
	var refused *oauth2.RetrieveError
	return errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" && refused.Response.StatusCode < http.StatusInternalServerError
}
