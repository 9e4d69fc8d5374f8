package passbearer

import (
	"context"
	"errors"
)

// maxSwaps bounds how often a refresh that lost a race thinks again. Once is
// what it takes: the winner's row says "one ahead".
const maxSwaps = 4

// refresh is one token request's dealing with its session: a new one, or one to
// go on with.
type refresh struct {
	sessions *Sessions
	token    refreshToken // presented, or the first of a new session
	row      *Session     // nil if there is none
	user     *User        // nil if there is none; not set for a new session, as is client
	client   *Client
	bound    bool   // row has the token's user and client
	jkt      string // thumbprint of the key that the request proved to have
	tokenID  string // jti of the access token that goes with it
	isNew    bool
}

// begin makes a session that commit will keep.
func (s *Sessions) begin(g *Grant, req *GrantRequest) *refresh {
	token := s.keys.begin(g.User.ID, req.Client.ID)
	row := &Session{
		ID: token.sessionID(), UserID: g.User.ID, ClientID: req.Client.ID, Scope: g.Scope, Epoch: g.User.Epoch,
		AuthTime: g.AuthTime, ACR: g.ACR, AMR: g.AMR, JKT: g.JKT, Extra: g.Extra,
		UserAgent:    userAgent(req.Request.UserAgent()),
		IdleLifetime: s.opts.IdleLifetime, Lifetime: s.opts.Lifetime,
	}
	if !req.Client.Public && row.JKT == req.JKT {
		row.JKT = "" // its secret binds the session, and its keys may change (RFC 9449 §5)
	}
	return &refresh{sessions: s, token: token, row: row, isNew: true}
}

// open reads the session of a refresh token, and changes nothing unless the
// token was stolen.
func (s *Sessions) open(ctx context.Context, text string, req *GrantRequest) (*refresh, error) {
	token, ok := s.keys.open(text)
	if !ok {
		return nil, s.refuse(ctx, Event{Kind: EventRefreshRefused, ClientID: req.Client.ID, Err: errForged})
	}
	a := &refresh{sessions: s, token: token, client: req.Client, jkt: req.JKT}
	row, err := s.load(ctx, token.sessionID())
	if err != nil {
		return nil, err
	}
	a.see(row)
	if row != nil {
		a.user, err = userByID(ctx, s.users, row.UserID)
		if err != nil && !errors.Is(err, ErrUserNotFound) {
			return nil, err
		}
	}
	if _, err := a.judge(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// commit keeps the new session or moves the old one on, and returns the refresh
// token that is good from now on.
func (a *refresh) commit(ctx context.Context) (string, error) {
	s := a.sessions
	if a.isNew {
		if err := s.store.CreateSession(ctx, *a.row); err != nil {
			return "", &storeError{"create the session", err}
		}
		return s.keys.seal(a.token), nil
	}
	next := a.token.successor()
	for range maxSwaps {
		v, err := a.judge(ctx)
		if err != nil {
			return "", err
		}
		if v == repeat {
			s.observe(ctx, a.event(EventRefreshRepeated, nil))
			return s.keys.seal(next), nil
		}
		row, swapped, err := s.store.SwapGeneration(ctx, a.row.ID, a.row.Generation, next.generation)
		if a.row, err = checkSession("move the session on", a.row.ID, row, err); err != nil {
			return "", err
		}
		if swapped && a.row != nil {
			s.observe(ctx, a.event(v.event(), nil))
			return s.keys.seal(next), nil
		}
		a.see(a.row) // another's work
	}
	return "", errors.New("the session changed at every attempt to refresh it")
}

// see is told of the row as it is now, or nil.
func (a *refresh) see(row *Session) {
	a.row, a.bound = row, row != nil && a.sessions.keys.binds(a.token, row)
}

// judge decides on what is known now, and carries out what ends it.
func (a *refresh) judge(ctx context.Context) (verdict, error) {
	v, why := a.facts().decide()
	if v == endStolen || v == endLost {
		if err := a.sessions.endRow(ctx, a.row.ID); err != nil {
			return v, err
		}
	}
	if why != nil {
		return v, a.sessions.refuse(ctx, a.event(v.event(), why))
	}
	return v, nil
}

func (a *refresh) facts() refreshFacts {
	row := a.row
	if row == nil {
		return refreshFacts{}
	}
	grace := orDefault(a.client.RefreshGrace, a.sessions.opts.Grace)
	return refreshFacts{
		found:   true,
		bound:   a.bound,
		client:  row.ClientID == a.client.ID,
		ended:   !row.EndedAt.IsZero(),
		expired: row.Expired(),
		revoked: a.sessions.opts.Revocations.sessionRevoked(row.ID),
		user:    a.user != nil && !a.user.Disabled,
		epoch:   a.user != nil && a.user.Epoch == row.Epoch,
		proved:  row.JKT == "" || row.JKT == a.jkt,
		ahead:   row.Generation - a.token.generation,
		inGrace: grace > 0 && row.AsOf.Sub(row.LastUsedAt) <= grace,
	}
}

func (a *refresh) event(kind EventKind, err error) Event {
	e := Event{Kind: kind, ClientID: a.client.ID, TokenID: a.tokenID, Err: err}
	if a.row != nil {
		e.UserID, e.SessionID = a.row.UserID, a.row.ID
	} else {
		e.SessionID = a.token.sessionID()
	}
	return e
}

// refuse has one wording for every reason.
func (s *Sessions) refuse(ctx context.Context, e Event) *Error {
	s.observe(ctx, e)
	refusal := formError(codeInvalidGrant, "The refresh token is not valid")
	refusal.Cause = e.Err
	return refusal
}

// refreshFacts are all that a refresh is decided on.
type refreshFacts struct {
	found   bool  // the row exists
	bound   bool  // the row has the token's user and client
	client  bool  // the row has the request's client
	ended   bool  // the row is
	expired bool  // the row is, by the store's clock
	revoked bool  // this process knows that the session was ended
	user    bool  // exists and is enabled
	epoch   bool  // the user's is the row's
	proved  bool  // the session is bound to no key, or the request proved it
	ahead   int64 // row's generation less the token's
	inGrace bool  // the row's generation changed a moment ago
}

type verdict int

const (
	refuse    verdict = iota // and leave the row alone
	endStolen                // an old token came back: end the session and refuse
	endLost                  // the store lost more than one rotation: end the session and refuse
	repeat                   // give the same successor again
	rotate                   // swap to the next generation
	heal                     // the store lost one rotation: swap across it
)

var verdictEvents = [...]EventKind{
	refuse: EventRefreshRefused, endStolen: EventRefreshTokenStolen, endLost: EventRefreshLost,
	repeat: EventRefreshRepeated, rotate: EventRefreshed, heal: EventRefreshHealed,
}

func (v verdict) event() EventKind { return verdictEvents[v] }

var (
	errForged       = errors.New("the token is malformed, forged or signed with a key no longer known")
	errUnbound      = errors.New("the session's row belongs to another user, client or issuer than the token says")
	errOtherClient  = errors.New("the token belongs to another client")
	errSessionEnded = errors.New("the session has ended")
	errExpired      = errors.New("the session has expired")
	errRevoked      = errors.New("the session was revoked, though its row is live")
	errEpoch        = errors.New("the user was signed out everywhere, or has another password")
	errUnproved     = errors.New("the session is bound to a key, of which the request has no proof")
	errStolen       = errors.New("a refresh token came back after its successor was used")
	errLost         = errors.New("the store is more than one rotation behind the token")
)

// decide is the whole policy of refresh tokens. An error means that the answer
// is invalid_grant, and says why to the Observer.
func (f refreshFacts) decide() (verdict, error) {
	switch {
	case !f.found:
		return refuse, ErrSessionNotFound
	case !f.bound:
		return refuse, errUnbound
	case !f.client:
		return refuse, errOtherClient
	case f.ended:
		return refuse, errSessionEnded
	case f.expired:
		return refuse, errExpired
	case f.revoked:
		return refuse, errRevoked
	case !f.user:
		return refuse, ErrUserDisabled
	case !f.epoch:
		return refuse, errEpoch
	case !f.proved:
		return refuse, errUnproved
	case f.ahead == 0:
		return rotate, nil
	case f.ahead == 1 && f.inGrace:
		return repeat, nil
	case f.ahead > 0:
		return endStolen, errStolen
	case f.ahead == -1:
		return heal, nil
	}
	return endLost, errLost
}
