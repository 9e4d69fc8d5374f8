package passbearer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// The defaults of [SessionsOptions].
const (
	DefaultGrace           = 10 * time.Second
	DefaultIdleLifetime    = 14 * 24 * time.Hour
	DefaultSessionLifetime = 90 * 24 * time.Hour
)

const (
	maxUserAgent = 256 // bytes
	maxListed    = 1000
	endTimeout   = 5 * time.Second
)

// Session is one sign-in: the row behind a refresh token. Nothing in it can be
// presented as a token. Its times are on the store's clock, and the zero time
// is "not yet".
type Session struct {
	ID       string // the sid of its access tokens: 22 characters of base64url
	UserID   string // [User.ID]
	ClientID string // that signed in; only it can refresh
	Scope    Scope  // granted at sign-in; a refresh may narrow an access token, never this

	Epoch      int64 // [User.Epoch] as it was read together with the password hash
	Generation int64 // that of the current refresh token; the first is 0

	AuthTime time.Time // these five are [Grant]'s, for the next access token
	ACR      string
	AMR      string
	JKT      string
	Extra    string

	UserAgent string // of the sign-in, for lists: at most 256 bytes of UTF-8

	IdleLifetime time.Duration // from LastUsedAt
	Lifetime     time.Duration // from CreatedAt

	CreatedAt  time.Time // at sign-in
	LastUsedAt time.Time // when Generation last changed; at first CreatedAt
	EndedAt    time.Time // by sign-out or theft; running out does not set it

	// AsOf is the store's time when it read this row. It is not kept.
	AsOf time.Time
}

// Expired reports whether one of the lifetimes is over, as of s.AsOf.
func (s *Session) Expired() bool {
	return !s.AsOf.Before(s.CreatedAt.Add(s.Lifetime)) || !s.AsOf.Before(s.LastUsedAt.Add(s.IdleLifetime))
}

// Live reports whether s is neither ended nor expired.
func (s *Session) Live() bool { return s.EndedAt.IsZero() && !s.Expired() }

// SessionStore keeps sessions. It compares and swaps; the thinking is in
// [Sessions]. Its methods are called concurrently, from several processes. What
// they acknowledge is durable, and seen by the next call, wherever it comes
// from. Times are read from one clock, the store's.
//
// A Session that is returned has AsOf and belongs to the caller. An id that the
// store does not know is an error that wraps [ErrSessionNotFound]; every other
// error is answered 503.
type SessionStore interface {
	// CreateSession adds a row with CreatedAt and LastUsedAt set to now. An
	// id that exists is an error, and its row stays as it is.
	CreateSession(ctx context.Context, s Session) error

	// SessionByID reads a row from where it is written, never from a replica.
	// A row that is ended or expired is returned, or is unknown.
	SessionByID(ctx context.Context, id string) (*Session, error)

	// SwapGeneration sets Generation to to and LastUsedAt to now if the row
	// is live and stands at from, in one atomic step. It returns the row as
	// it is afterwards, and whether it was this call that changed it.
	SwapGeneration(ctx context.Context, id string, from, to int64) (row *Session, swapped bool, err error)

	// EndSession sets EndedAt to now if it is not set. An unknown id is no
	// error.
	EndSession(ctx context.Context, id string) error
}

// UserSessionStore is what a [SessionStore] also implements so that sessions
// can be listed and ended by user.
type UserSessionStore interface {
	// SessionsByUser returns the user's live sessions, the newest first and at
	// most limit of them.
	SessionsByUser(ctx context.Context, userID string, limit int) ([]Session, error)

	// EndUserSessions ends every session of the user.
	EndUserSessions(ctx context.Context, userID string) error
}

// Sessions issues and rotates refresh tokens, and ends sessions. It is safe for
// concurrent use. Make it with [NewSessions].
type Sessions struct {
	users UserStore
	store SessionStore
	keys  *RefreshKeys
	opts  SessionsOptions
}

// Format hides what the Sessions hold from package fmt, which prints what is not
// exported without asking it.
func (Sessions) Format(s fmt.State, _ rune) { io.WriteString(s, "Sessions{…}") }

// LogValue hides what the Sessions hold from package slog.
func (Sessions) LogValue() slog.Value { return slog.StringValue("Sessions{…}") }

// SessionsOptions are the settings of [Sessions].
type SessionsOptions struct {
	// Grace is how long after a rotation the refresh token before it still
	// gets the same successor, so that several tabs and lost responses do not
	// look like theft. Zero means [DefaultGrace]; negative means not at all,
	// and then two refreshes at once end the session.
	Grace time.Duration

	// IdleLifetime ends a session that long after its last refresh. Zero
	// means [DefaultIdleLifetime].
	IdleLifetime time.Duration

	// Lifetime ends a session that long after its sign-in, used or not. Zero
	// means [DefaultSessionLifetime].
	Lifetime time.Duration

	// Revocations learns at once what these sessions end, before any store
	// tells, and remembers it though the store may lose it. Nil leaves access
	// tokens to expire.
	Revocations *Revocations

	// Observer is told what happens to sessions, refreshes and thefts above
	// all; as a rule it is the TokenHandler's too. Nil means
	// [LogObserver](nil).
	Observer Observer
}

// NewSessions returns sessions of users, kept in store; nil options mean the
// defaults. It panics if users, store or keys is nil, or a lifetime is
// negative.
func NewSessions(users UserStore, store SessionStore, keys *RefreshKeys, opts *SessionsOptions) *Sessions {
	if users == nil || store == nil || keys == nil || len(keys.keys) == 0 {
		panic("passbearer: NewSessions needs a UserStore, a SessionStore and RefreshKeys: NewRefreshKeys makes them")
	}
	s := &Sessions{users: users, store: store, keys: keys}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.IdleLifetime < 0 || s.opts.Lifetime < 0 {
		panic("passbearer: a lifetime in SessionsOptions is negative: leave it zero for the default")
	}
	s.opts.Grace = orDefault(s.opts.Grace, DefaultGrace)
	s.opts.IdleLifetime = orDefault(s.opts.IdleLifetime, DefaultIdleLifetime)
	s.opts.Lifetime = orDefault(s.opts.Lifetime, DefaultSessionLifetime)
	return s
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// List returns the sessions in which the user is signed in, the newest first and
// at most 1,000; an unknown or disabled user has none. It fails with
// [errors.ErrUnsupported] where the store is no [UserSessionStore].
func (s *Sessions) List(ctx context.Context, userID string) ([]Session, error) {
	store, ok := s.store.(UserSessionStore)
	if !ok {
		return nil, fmt.Errorf("passbearer: list sessions: %w by this SessionStore", errors.ErrUnsupported)
	}
	user, err := userByID(ctx, s.users, userID)
	if errors.Is(err, ErrUserNotFound) || err == nil && user.Disabled {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("passbearer: list sessions: %w", err)
	}
	rows, err := store.SessionsByUser(ctx, userID, maxListed)
	if err != nil {
		return nil, &storeError{"passbearer: list sessions", err}
	}
	// The epoch is the authority: rows may outlive it.
	return slices.DeleteFunc(rows, func(row Session) bool { return row.Epoch != user.Epoch }), nil
}

// End signs the user out of one of their sessions: claims.Subject and
// claims.SessionID are the ones a request was made with. Another user's session
// is [ErrSessionNotFound]. Nil means that it is durable; access tokens live
// until they expire, or until [Revocations] know.
func (s *Sessions) End(ctx context.Context, userID, sessionID string) error {
	row, err := s.load(ctx, sessionID)
	if err == nil && (row == nil || row.UserID != userID) {
		err = ErrSessionNotFound
	}
	if err == nil {
		err = s.end(ctx, row)
	}
	if err != nil {
		return fmt.Errorf("passbearer: end a session: %w", err)
	}
	return nil
}

// EndAll signs the user out everywhere: it raises their epoch, which makes
// every session of theirs refuse to refresh, and then ends the rows. It fails
// with [errors.ErrUnsupported] where the UserStore is no [EpochRaiser]. After
// another error it may be in effect or not, and is safe to repeat.
func (s *Sessions) EndAll(ctx context.Context, userID string) error {
	users, ok := s.users.(EpochRaiser)
	if !ok {
		return fmt.Errorf("passbearer: end all sessions: %w by this UserStore", errors.ErrUnsupported)
	}
	epoch, err := users.RaiseEpoch(ctx, userID)
	if err != nil {
		return &storeError{"passbearer: raise the epoch", err}
	}
	return s.endAll(ctx, EventSignedOutEverywhere, userID, epoch)
}

// Disable disables the user and signs them out everywhere, as [Sessions.EndAll]
// does. It fails with [errors.ErrUnsupported] where the UserStore is no
// [UserEditor].
func (s *Sessions) Disable(ctx context.Context, userID string) error {
	users, ok := s.users.(UserEditor)
	if !ok {
		return fmt.Errorf("passbearer: disable a user: %w by this UserStore", errors.ErrUnsupported)
	}
	epoch, err := users.SetDisabled(ctx, userID, true)
	if err != nil {
		return &storeError{"passbearer: disable a user", err}
	}
	return s.endAll(ctx, EventUserDisabled, userID, epoch)
}

// endAll follows a raised epoch, which is in effect already: ending the rows is
// cleaning up.
func (s *Sessions) endAll(ctx context.Context, kind EventKind, userID string, epoch int64) error {
	s.opts.Revocations.Learn(Revocation{UserID: userID, Epoch: epoch})
	s.observe(ctx, Event{Kind: kind, UserID: userID})
	store, ok := s.store.(UserSessionStore)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := store.EndUserSessions(ctx, userID); err != nil {
		return &storeError{"passbearer: the user is signed out everywhere, but their sessions' rows could not be ended", err}
	}
	return nil
}

// Revoke ends the session of a refresh token, current or not, as RFC 7009 has
// it: a token that is not known is no error. For another client's token the
// error is an [*Error]. Nil means that it is durable.
func (s *Sessions) Revoke(ctx context.Context, clientID, token string) error {
	t, ok := s.keys.open(token)
	if !ok {
		return nil
	}
	row, err := s.load(ctx, t.sessionID())
	if err != nil {
		return err
	}
	if row == nil || !s.keys.binds(t, row) {
		return nil
	}
	if row.ClientID != clientID {
		return formError(codeUnauthorizedClient, "The token belongs to another client")
	}
	return s.end(ctx, row)
}

// Introspect returns the session of a refresh token that client, which is not nil, may
// refresh with now, and nil where there is none: the token is another client's, was
// replaced longer ago than the client's grace, or its session or user is over. Nothing
// changes.
func (s *Sessions) Introspect(ctx context.Context, client *Client, token string) (*Session, error) {
	t, ok := s.keys.open(token)
	if !ok {
		return nil, nil
	}
	row, err := s.load(ctx, t.sessionID())
	if err != nil || row == nil {
		return nil, err
	}
	a := refresh{sessions: s, token: t, client: client, jkt: row.JKT}
	a.see(row)
	a.user, err = userByID(ctx, s.users, row.UserID)
	if err != nil && !errors.Is(err, ErrUserNotFound) {
		return nil, err
	}
	if v, _ := a.facts().decide(); v != rotate && v != repeat && v != heal {
		return nil, nil
	}
	return row, nil
}

// end is idempotent, and told once as far as rows show it.
func (s *Sessions) end(ctx context.Context, row *Session) error {
	if err := s.endRow(ctx, row.ID); err != nil {
		return err
	}
	if row.EndedAt.IsZero() {
		s.observe(ctx, Event{Kind: EventSignedOut, UserID: row.UserID, ClientID: row.ClientID, SessionID: row.ID})
	}
	return nil
}

// endRow is not stopped by a client that hangs up: a thief would.
func (s *Sessions) endRow(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := s.store.EndSession(ctx, id); err != nil {
		return &storeError{"end the session", err}
	}
	s.opts.Revocations.Learn(Revocation{SessionID: id})
	return nil
}

// load returns nil for a session that does not exist.
func (s *Sessions) load(ctx context.Context, id string) (*Session, error) {
	row, err := s.store.SessionByID(ctx, id)
	return checkSession("load the session", id, row, err)
}

func checkSession(step, id string, row *Session, err error) (*Session, error) {
	switch {
	case errors.Is(err, ErrSessionNotFound):
		return nil, nil
	case err != nil:
		return nil, &storeError{step, err}
	case row == nil || row.ID != id || row.AsOf.IsZero():
		return nil, errors.New("the SessionStore returned neither the session with AsOf nor an error")
	}
	return row, nil
}

func (s *Sessions) observe(ctx context.Context, e Event) { observe(ctx, s.opts.Observer, e) }

func userAgent(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxUserAgent {
		s = strings.ToValidUTF8(s[:maxUserAgent], "")
	}
	return strings.Clone(s) // adaptors of fasthttp make headers of memory that is used again
}
