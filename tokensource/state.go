package tokensource

import (
	"math/rand/v2"
	"time"

	"golang.org/x/oauth2"
)

const (
	maxMargin       = 10 * time.Second // for clocks and the way to the resource server
	maxEarly        = time.Hour        // of a lifetime, for reckoning how early to refresh
	unknownLifetime = 5 * time.Minute
	longest         = 10 * 365 * 24 * 60 * 60 // seconds
	storePause      = time.Second
	minPause        = time.Second
	maxPause        = 30 * time.Second
)

// state is what a Source knows.
type state struct {
	token    *oauth2.Token // what callers get; it is in the Store. Nil: none
	unsaved  *oauth2.Token // its successor, which is not in the Store yet, or nil
	spent    string        // the refresh token that unsaved is for; empty: unsaved is of a sign-in
	previous string        // the refresh token before token's

	refreshAt time.Time // from then on it is due; zero: never
	notBefore time.Time // nothing is sent until then
	failure   error     // why
	failures  int       // without a success between them

	ended      error  // what became of the session; nil: it goes on
	endedToken string // the refresh token that was refused
}

// due reports whether a valid token should be refreshed.
func (s *state) due(now time.Time) bool {
	return !s.refreshAt.IsZero() && !now.Before(s.refreshAt)
}

// take makes token, which is in the Store, the one that callers get.
func (s *state) take(token *oauth2.Token) {
	next := state{token: token, refreshAt: refreshTime(token)}
	if next.previous = s.previous; s.token != nil && s.token.RefreshToken != token.RefreshToken {
		next.previous = s.token.RefreshToken
	}
	*s = next
}

// end remembers that the session is over. Its access token may be valid for a while, but
// what the server says of the session is meant for that too.
func (s *state) end(err error) {
	over := clone(s.token)
	over.AccessToken = ""
	s.token, s.refreshAt = over, time.Time{}
	s.ended, s.endedToken = err, over.RefreshToken
}

// isNews reports whether token, which was loaded, is one that others have saved. One
// that stands before ours is not: somebody was slow to save it.
func (s *state) isNews(token *oauth2.Token) bool {
	switch {
	case token == nil:
		return false
	case s.token == nil:
		return true
	case token.RefreshToken == s.token.RefreshToken:
		return token.Expiry.After(s.token.Expiry)
	}
	return s.previous == "" || token.RefreshToken != s.previous
}

// refreshToken is the one to present, or empty.
func (s *state) refreshToken() string {
	if s.token == nil {
		return ""
	}
	return s.token.RefreshToken
}

// pause remembers that the server cannot be asked for a while: the longer the more
// often it failed, or as it said itself.
func (s *state) pause(err error, asked time.Duration) {
	pause := min(minPause<<min(s.failures, 10), maxPause)
	pause = max(asked, pause/2+rand.N(pause/2))
	s.failures++
	s.failure = err
	s.notBefore = time.Now().Add(pause)
	s.refreshAt = s.notBefore
}

// postpone has callers with a valid token wait for the Store now and then only.
func (s *state) postpone() { s.refreshAt = time.Now().Add(storePause) }

// usable reports whether t is valid for so long that a request with it arrives in time.
// The wall clock counts: the other one stands still while a laptop sleeps.
func usable(t *oauth2.Token, now time.Time) bool {
	if t == nil || t.AccessToken == "" {
		return false
	}
	return t.Expiry.IsZero() || now.Round(0).Before(t.Expiry.Round(0).Add(-margin(t)))
}

func margin(t *oauth2.Token) time.Duration { return min(maxMargin, lifetime(t)/4) }

func lifetime(t *oauth2.Token) time.Duration {
	if t.ExpiresIn <= 0 {
		return unknownLifetime
	}
	return time.Duration(min(t.ExpiresIn, longest)) * time.Second
}

// refreshTime is up to a fifth of the lifetime before the end, at random: programs that
// were started together ask at different times, and there is time for a server to come
// back.
func refreshTime(t *oauth2.Token) time.Time {
	if t.Expiry.IsZero() || t.RefreshToken == "" {
		return time.Time{}
	}
	tenth := min(lifetime(t), maxEarly) / 10
	return t.Expiry.Round(0).Add(-margin(t) - tenth - rand.N(tenth))
}
