package passbearer

// RefreshFacts are [refreshFacts], for tests to set.
type RefreshFacts struct {
	Found, Bound, Client, Ended, Expired, Revoked, User, Epoch, Proved, InGrace bool
	Ahead                                                                       int64
}

// Decide returns the verdict's name, the event that tells it, and the reason of
// a refusal.
func (f RefreshFacts) Decide() (string, EventKind, error) {
	v, err := refreshFacts{f.Found, f.Bound, f.Client, f.Ended, f.Expired, f.Revoked, f.User, f.Epoch, f.Proved, f.Ahead, f.InGrace}.decide()
	name := map[verdict]string{
		refuse: "refuse", endStolen: "stolen", endLost: "lost",
		repeat: "repeat", rotate: "rotate", heal: "heal",
	}[v]
	return name, v.event(), err
}

// The reasons of a refusal that only an Observer is told.
var (
	ErrForged       = errForged
	ErrUnbound      = errUnbound
	ErrOtherClient  = errOtherClient
	ErrSessionEnded = errSessionEnded
	ErrExpired      = errExpired
	ErrRevoked      = errRevoked
	ErrEpoch        = errEpoch
	ErrUnproved     = errUnproved
	ErrStolen       = errStolen
	ErrLost         = errLost
)

// RefreshToken is a refresh token, decoded.
type RefreshToken = refreshToken

// Fields returns the parts of t that a test compares.
func (t refreshToken) Fields() (secret [16]byte, generation int64, binding [16]byte) {
	return t.secret, t.generation, t.binding
}

func (t refreshToken) SessionID() string       { return t.sessionID() }
func (t refreshToken) Successor() RefreshToken { return t.successor() }

func (k *RefreshKeys) Begin(userID, clientID string) RefreshToken { return k.begin(userID, clientID) }
func (k *RefreshKeys) Seal(t RefreshToken) string                 { return k.seal(t) }
func (k *RefreshKeys) Open(text string) (RefreshToken, bool)      { return k.open(text) }

func (k *RefreshKeys) Binds(t RefreshToken, userID, clientID string) bool {
	return k.binds(t, &Session{UserID: userID, ClientID: clientID})
}

// RefreshTokenOf returns the token of a session whose secret is known.
func (k *RefreshKeys) RefreshTokenOf(secret [16]byte, generation int64, userID, clientID string) RefreshToken {
	return refreshToken{secret, generation, k.binding(userID, clientID)}
}

// Add keeps what a store would tell.
func (r *Revocations) Add(e Revocation) bool { return r.add(e) }

// Forget takes a session back.
func (r *Revocations) Forget(sessionID string) {
	shard := r.sessions.shard(sessionID)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	delete(shard.m, sessionID)
	r.sessions.n.Add(-1)
}
