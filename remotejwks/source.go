package remotejwks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

var (
	errNoKeys = errors.New("its keys are not known")
	errTooOld = errors.New("its keys could not be read again for too long")
)

// source is an issuer and the keys that were read last.
type source struct {
	url         string
	jwks        string
	audience    string
	token       jwttoken.Options
	opts        Options
	fetch       *fetcher
	maxLifetime time.Duration
	leeway      time.Duration

	current atomic.Pointer[keySet] // nil: none was read yet

	mu      sync.Mutex
	flight  chan struct{} // closed at the end of the refresh that runs; nil: none does
	started time.Time     // of the last refresh
	failure error         // of the last refresh
	failed  time.Time     // when that one began, if it failed
}

// keySet is what was read at one time. It does not change, but for what verifier makes of its keys, which are those of
// the newest keySet.
type keySet struct {
	verifier *jwttoken.Verifier // nil: the set has no key that can be used
	keys     *jwttoken.Keys
	jwks     []jwk
	read     time.Time
	due      time.Time // when to read again
}

// lacks reports whether id names a key that is not in the set. A token without id names none.
func (k *keySet) lacks(id string) bool {
	return id != "" && !slices.ContainsFunc(k.jwks, func(j jwk) bool { return j.KeyID == id })
}

func newSource(issuer Issuer, o Options) (*source, error) {
	s := &source{url: issuer.URL, jwks: issuer.JWKS, audience: issuer.Audience, token: issuer.Token, opts: o}
	if err := s.setToken(issuer.Map); err != nil {
		return nil, err
	}
	var err error
	if s.fetch, err = newFetcher(issuer, o); err != nil {
		return nil, err
	}
	// The settings of tokens are checked by trying them, with keys that nobody gets to know.
	trial, err := jwttoken.NewVerifier(jwttoken.EphemeralKeys(), s.url, s.audience, &s.token)
	if err != nil {
		return nil, err
	}
	s.maxLifetime, s.leeway = trial.MaxLifetime(), trial.Leeway()
	return s, nil
}

func (s *source) setToken(claimsMap ClaimsMap) error {
	var foreign jwttoken.Foreign
	if s.token.Foreign != nil {
		foreign = *s.token.Foreign
	}
	switch {
	case s.token.InsecureSkipIssuer:
		return errors.New("Token.InsecureSkipIssuer is set; iss is what tells issuers apart")
	case foreign.Map != nil:
		return errors.New("Token.Foreign.Map is set; set Map")
	}
	if foreign.Map = claimsMap; claimsMap == nil {
		foreign.Map = DefaultMap
	}
	foreign.Types, foreign.Required = slices.Clone(foreign.Types), slices.Clone(foreign.Required)
	s.token.Foreign = &foreign
	if s.token.Now == nil {
		s.token.Now = s.opts.Now
	}
	return nil
}

// keys returns the keys that may be used now. Where there are none, wanted tells whether it is worth to fetch some.
func (s *source) keys(ctx context.Context, wanted func() bool) (*keySet, error) {
	set, now := s.current.Load(), s.opts.Now()
	if set != nil && set.verifier != nil && now.Before(set.due) {
		return set, nil
	}
	if !wanted() {
		return s.usable(set, now)
	}
	flight, failed := s.refresh()
	set = s.current.Load() // another may have read it before refresh looked
	switch {
	case flight == nil:
	case set == nil, set.verifier == nil, s.isTooOld(set, now), !failed && now.Sub(set.read) >= 2*s.opts.RefreshInterval:
		// The last is after a time without tokens: keys that may have been removed long ago are not used before it is
		// tried to read them.
		s.wait(ctx, flight)
		set = s.current.Load()
	}
	return s.usable(set, now)
}

func (s *source) usable(set *keySet, now time.Time) (*keySet, error) {
	switch {
	case set == nil || set.verifier == nil:
		return nil, s.unavailable(errNoKeys)
	case s.isTooOld(set, now):
		return nil, s.unavailable(errTooOld)
	}
	return set, nil
}

func (s *source) isTooOld(set *keySet, now time.Time) bool {
	return now.Sub(set.read) >= s.opts.MaxStale
}

func (s *source) unavailable(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return fmt.Errorf("remotejwks: issuer %q: %w: %w", s.url, cause, s.failure)
	}
	return fmt.Errorf("remotejwks: issuer %q: %w", s.url, cause)
}

// refreshed reports whether there is another set than the one given, and tries to get one.
func (s *source) refreshed(ctx context.Context, set *keySet) bool {
	if s.current.Load() != set {
		return true
	}
	flight, _ := s.refresh()
	if flight != nil {
		s.wait(ctx, flight)
	}
	return s.current.Load() != set
}

func (s *source) load(ctx context.Context) error {
	if _, err := s.usable(s.current.Load(), s.opts.Now()); err == nil {
		return nil
	}
	if flight, _ := s.refresh(); flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			return fmt.Errorf("remotejwks: issuer %q: %w", s.url, ctx.Err())
		}
	}
	_, err := s.usable(s.current.Load(), s.opts.Now())
	return err
}

func (s *source) wait(ctx context.Context, flight <-chan struct{}) {
	if s.opts.MaxWait < 0 {
		return
	}
	timer := time.NewTimer(s.opts.MaxWait)
	defer timer.Stop()
	select {
	case <-flight:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// failureCounts is for how many RefreshIntervals a failed refresh lets keys be used without waiting for the next try.
const failureCounts = 3

// refresh returns the refresh that runs, be it that it started one, or nil if it is too early for another. failed tells
// of the one before, if that was not long ago.
func (s *source) refresh() (flight <-chan struct{}, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now() // not before the lock, or the last start could be after it
	failed = s.failure != nil && now.Sub(s.failed) < failureCounts*s.opts.RefreshInterval
	if s.flight != nil {
		return s.flight, failed
	}
	// A clock that was set back must not keep it from starting.
	if since := now.Sub(s.started); !s.started.IsZero() && 0 <= since && since < s.opts.MinInterval {
		return nil, failed
	}
	s.flight, s.started = make(chan struct{}), now
	go s.run(s.flight, now)
	return s.flight, failed
}

// run has a context of its own: a request that goes away must not take the refresh away from others.
func (s *source) run(flight chan struct{}, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Timeout)
	defer cancel()
	before := s.current.Load()
	skipped, err := s.read(ctx, now)
	event := passbearer.Event{Kind: passbearer.EventKeysRefreshed, Time: s.opts.Now(), Err: s.named(skipped)}
	if err != nil {
		event.Kind, event.Err = passbearer.EventKeysStale, s.named(err)
		if set := s.current.Load(); set == nil || set.verifier == nil || s.isTooOld(set, event.Time) {
			event.Kind = passbearer.EventUnavailable
		}
	}
	if err != nil || s.hasFailed() || before == nil || !slices.Equal(before.jwks, s.current.Load().jwks) {
		s.opts.Observer.Event(context.Background(), event)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight, s.failure, s.failed = nil, err, now
	close(flight)
}

func (s *source) hasFailed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure != nil
}

func (s *source) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("remotejwks: issuer %q: %w", s.url, err)
}

// read reads the keys and puts them to use. What it skipped is no failure, unless nothing is left.
func (s *source) read(ctx context.Context, now time.Time) (skipped, err error) {
	defer func() {
		if r := recover(); r != nil { // it is not worth the process
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	text, err := s.fetch.set(ctx)
	if err != nil {
		return nil, err
	}
	jwks, keys, skipped, err := parseSet(text)
	if err != nil {
		return nil, err
	}
	set := &keySet{jwks: jwks, read: now, due: now.Add(s.opts.RefreshInterval - jitter(s.opts.RefreshInterval/10))}
	if len(keys) == 0 {
		// It is an answer: the keys that were there before are removed.
		s.current.Store(set)
		return skipped, errors.Join(errors.New("the JWK Set has no key that can be used"), skipped)
	}
	if err := s.put(set, keys); err != nil {
		return nil, err
	}
	s.current.Store(set)
	return skipped, nil
}

// put gives the keys to the verifier, unless it has the same: it would forget all tokens it has verified.
func (s *source) put(set *keySet, keys []jwttoken.Key) (err error) {
	if old := s.current.Load(); old != nil && old.verifier != nil {
		set.keys, set.verifier = old.keys, old.verifier
		if slices.Equal(old.jwks, set.jwks) {
			return nil
		}
		return set.keys.Set(keys[0], keys[1:]...)
	}
	if set.keys, err = jwttoken.NewKeys(keys...); err != nil {
		return err
	}
	set.verifier, err = jwttoken.NewVerifier(set.keys, s.url, s.audience, &s.token)
	return err
}

func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
