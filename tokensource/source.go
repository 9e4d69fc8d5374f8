package tokensource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// ErrSignInRequired means that there is no session, or none any more: nothing but
// another sign-in helps. Where the server said so, the error wraps the
// [*oauth2.RetrieveError] too. After any other error the session is kept.
var ErrSignInRequired = errors.New("tokensource: sign-in required")

const (
	defaultTimeout = 4 * time.Second
	patience       = time.Second
)

// Source is a source of access tokens. Make it with [New]. It is safe for concurrent
// use.
type Source struct {
	config *oauth2.Config
	store  Store // nil: none
	opts   Options
	client *http.Client // for token requests

	mu     sync.Mutex
	flight *flight // what is under way; it alone changes the state
	state  state   // is read and changed under mu; the flight may read without
}

var _ oauth2.TokenSource = (*Source)(nil)

// Options are the settings of a [Source]. The zero value is usual.
type Options struct {
	// HTTPClient sends the token requests, and those of [Source.Client]. A token request
	// follows no redirect. Nil means [http.DefaultClient].
	HTTPClient *http.Client

	// Timeout bounds one token request. It should be less than half of the time in
	// which the server repeats an answer. Zero means 4 seconds.
	Timeout time.Duration
}

// New returns a source of tokens for the session in store, refreshed as config says.
// With a nil store the session begins with [Source.SetToken] and ends with the
// process. Nil options mean the defaults. Nothing is loaded or sent before a token is
// asked for. New panics if config has no TokenURL or the Timeout is negative. Neither
// config nor the client may be changed afterwards.
func New(config *oauth2.Config, store Store, opts *Options) *Source {
	if config == nil || config.Endpoint.TokenURL == "" {
		panic("tokensource: New needs a Config with Endpoint.TokenURL, where tokens are refreshed")
	}
	s := &Source{config: config, store: store}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Timeout < 0 {
		panic("tokensource: Options.Timeout is negative: leave it zero for the default")
	}
	if s.opts.Timeout == 0 {
		s.opts.Timeout = defaultTimeout
	}
	if s.opts.HTTPClient == nil {
		s.opts.HTTPClient = http.DefaultClient
	}
	client := *s.opts.HTTPClient
	client.CheckRedirect = noRedirect
	s.client = &client
	return s
}

// noRedirect keeps the refresh token from going elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Format hides the tokens from package fmt.
func (*Source) Format(s fmt.State, _ rune) { io.WriteString(s, "tokensource.Source{…}") }

// LogValue hides the tokens from package slog.
func (*Source) LogValue() slog.Value { return slog.StringValue("tokensource.Source{…}") }

// Token is [Source.TokenContext] without an end to the waiting.
func (s *Source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext returns a token that is valid, refreshed and saved if need be. It waits
// until ctx ends, which does not stop a refresh that is under way, and no longer than a
// second where the token at hand is valid still. The token is the caller's. ctx's values
// reach the Store and the HTTP client.
//
// The errors are [ErrSignInRequired], ctx's own, and those of the Store and of token
// requests, after which it may be tried again: while the server has asked for a
// pause they come at once.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	for {
		f, token, err := s.tokenOrFlight(ctx)
		switch {
		case f == nil:
			return token, err
		case token != nil:
			return f.early(ctx, token)
		}
		if err := f.wait(ctx); err != nil {
			return nil, fmt.Errorf("tokensource: wait for a refresh: %w", err)
		}
		if f.renews {
			return f.outcome()
		}
	}
}

// tokenOrFlight returns what can be said at once, or else the flight to wait for, the
// latter with a token that will do if that takes long.
func (s *Source) tokenOrFlight(ctx context.Context) (*flight, *oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var token *oauth2.Token
	if usable(s.state.token, now) {
		token = clone(s.state.token)
	}
	switch {
	case token != nil && (s.flight != nil || !s.state.due(now)):
		return nil, token, nil
	case s.flight != nil:
		return s.flight, nil, nil
	case token == nil && now.Before(s.state.notBefore):
		return nil, nil, s.state.failure
	}
	f := s.start(ctx, s.renew)
	f.renews = true
	return f, token, nil
}

// SetToken begins another session, with the token of a sign-in: it is saved, and the
// one before is forgotten. If it cannot be saved it is kept, and saved again when a
// token is asked for.
func (s *Source) SetToken(ctx context.Context, token *oauth2.Token) error {
	if token == nil || token.AccessToken == "" && token.RefreshToken == "" {
		return errors.New("tokensource: SetToken without a token")
	}
	token = clone(token)
	return s.alone(ctx, func(ctx context.Context) error {
		s.change(func(now *state) { *now = state{unsaved: token} })
		return s.save(ctx)
	})
}

// Flush waits until no refresh is under way, and saves what could not be saved yet. A
// program calls it before it ends.
func (s *Source) Flush(ctx context.Context) error {
	return s.alone(ctx, func(ctx context.Context) error {
		if s.state.unsaved == nil {
			return nil
		}
		return s.saveAgain(ctx)
	})
}

// alone runs step when nothing else is under way.
func (s *Source) alone(ctx context.Context, step func(context.Context) error) error {
	for {
		s.mu.Lock()
		f, mine := s.flight, s.flight == nil
		if mine {
			f = s.start(ctx, step)
		}
		s.mu.Unlock()
		if err := f.wait(ctx); err != nil {
			return fmt.Errorf("tokensource: wait for a refresh: %w", err)
		}
		if mine {
			return f.err
		}
	}
}

// flight is something that is done once for all who wait for it.
type flight struct {
	renews bool
	done   chan struct{} // closed when the rest is there
	token  *oauth2.Token // as it is then
	err    error
}

// start runs step in a goroutine of its own, which goes on when ctx ends. s.mu is
// held.
func (s *Source) start(ctx context.Context, step func(context.Context) error) *flight {
	f := &flight{done: make(chan struct{})}
	s.flight = f
	go func() {
		err := guarded(context.WithoutCancel(ctx), step)
		s.mu.Lock()
		defer s.mu.Unlock()
		f.token, f.err, s.flight = s.state.token, err, nil
		close(f.done)
	}()
	return f
}

// guarded makes an error of a panic, which would end the program here: the callers'
// goroutines may be those of a server, which recovers.
func guarded(ctx context.Context, step func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("tokensource: the Store or the HTTP client panicked: %v", p)
		}
	}()
	return step(ctx)
}

// outcome is for those who had no valid token. The flight may have loaded one, and failed
// to refresh it.
func (f *flight) outcome() (*oauth2.Token, error) {
	if f.err != nil && !usable(f.token, time.Now()) {
		return nil, f.err
	}
	return clone(f.token), nil
}

// early is for the one who began the flight with a valid token. To wait a little keeps a
// short program from ending amid the refresh.
func (f *flight) early(ctx context.Context, valid *oauth2.Token) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch err := f.wait(ctx); {
	case err != nil:
		return valid, nil
	case f.err == nil:
		return clone(f.token), nil
	case errors.Is(f.err, ErrSignInRequired):
		return nil, f.err
	}
	return valid, nil
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// change is for the flight.
func (s *Source) change(f func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.state)
}

// clone keeps callers from each other's changes.
func clone(t *oauth2.Token) *oauth2.Token {
	if t == nil {
		return nil
	}
	own := *t
	return &own
}
