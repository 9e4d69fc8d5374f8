package passbearer

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultRevocationLifetime is how long a revocation is kept: the longest access
// token that package jwttoken issues or takes by default, and twice its leeway.
const DefaultRevocationLifetime = 24*time.Hour + time.Minute

// Revocation says that access tokens are over before they expire: those of a
// session, one, or those of a user that were issued before their epoch was raised.
// Of the first three fields one is set.
type Revocation struct {
	SessionID string // sid
	TokenID   string // jti
	UserID    string // sub
	Epoch     int64  // with UserID: the user's epoch now

	// Lifetime is how long it has to be remembered from now on. In
	// [RevocationStore.Revoke] zero means the store's default.
	Lifetime time.Duration
}

// RevocationNews is what a [RevocationStore] tells its watchers. Without
// Revocations it is a heartbeat.
type RevocationNews struct {
	Revocations []Revocation
	Complete    bool // these are all that are live
}

// RevocationStore is what a store also implements so that every process learns at
// once which access tokens are over. Its own EndSession, EndUserSessions,
// RaiseEpoch, SetPasswordHash and SetDisabled revoke in the same atomic step.
type RevocationStore interface {
	// Revoke keeps e for its lifetime and tells the watchers, in every process.
	// It is durable on return.
	Revoke(ctx context.Context, e Revocation) error

	// WatchRevocations follows the store until ctx is done or the connection
	// is cut; the error says why. It subscribes first, then tells all that is
	// live as one Complete piece of news, then each revocation as it comes and,
	// at least every 3 seconds, a heartbeat that came the same way. A
	// revocation may be told more than once, and must not be missed. tell is
	// called by one goroutine at a time and never after WatchRevocations has
	// returned; it does not block.
	WatchRevocations(ctx context.Context, tell func(RevocationNews)) error
}

// StalePolicy says what happens to requests while revocations may be missing.
type StalePolicy int

// The policies. There is no default: what is right depends on what the service
// guards.
const (
	ServeWhenStale  StalePolicy = iota + 1 // tokens are accepted on what is known
	RefuseWhenStale                        // the answer is 503
)

// Revocations is the set of live revocations that this process knows. Asking it
// takes no I/O. It is stale until [Revocations.Watch] has caught up with each
// store, while one of them is cut off or silent, and once it is full. It is safe
// for concurrent use. Make it with [NewRevocations].
type Revocations struct {
	policy StalePolicy
	opts   RevocationsOptions
	born   time.Time // expiries are on this process's monotonic clock

	sessions, tokens, users revokedSet

	stale   atomic.Bool
	lost    atomic.Bool // Learn found no room, and no store has told all since
	mu      sync.Mutex
	sources map[RevocationStore]source
	swept   time.Duration
}

// RevocationsOptions are the settings of [Revocations].
type RevocationsOptions struct {
	// MaxEntries bounds the memory, of about 100 bytes an entry. At the bound
	// nothing is forgotten and nothing more is taken: the set is stale until
	// entries have expired. Zero means 1,000,000.
	MaxEntries int

	// SilenceLimit is how long a store may be silent before it counts as cut
	// off; catching up may take ten times as long. Zero means 10 seconds.
	SilenceLimit time.Duration

	// Lifetime is how long what this process ends is remembered: the longest
	// lifetime of an access token and twice the leeway of its verifiers. The
	// stores have an option like it. Zero means [DefaultRevocationLifetime].
	Lifetime time.Duration

	// Observer is told when the set becomes stale, and fresh again; nil means
	// [LogObserver](nil).
	Observer Observer
}

// NewRevocations returns an empty, stale set; nil options mean the defaults. It
// panics without a policy.
func NewRevocations(policy StalePolicy, opts *RevocationsOptions) *Revocations {
	if policy != ServeWhenStale && policy != RefuseWhenStale {
		panic("passbearer: NewRevocations needs a policy: ServeWhenStale or RefuseWhenStale")
	}
	r := &Revocations{policy: policy, born: time.Now(), sources: map[RevocationStore]source{}}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.MaxEntries == 0 {
		r.opts.MaxEntries = 1_000_000
	}
	r.opts.SilenceLimit = min(orDefault(r.opts.SilenceLimit, 10*time.Second), math.MaxInt64/catchUpLimits)
	r.opts.Lifetime = orDefault(r.opts.Lifetime, DefaultRevocationLifetime)
	for _, set := range []*revokedSet{&r.sessions, &r.tokens, &r.users} {
		set.seed = maphash.MakeSeed()
	}
	r.stale.Store(true)
	return r
}

// Verifier returns a TokenVerifier that asks v, and then this set about every
// token, those that v has cached too. It panics if v is nil, or tells by methods
// MaxLifetime and Leeway that it takes a token for longer than [RevocationsOptions.Lifetime]:
// for its lifetime and twice the leeway, since it may expire later by as much.
func (r *Revocations) Verifier(v TokenVerifier) TokenVerifier {
	if v == nil {
		panic("passbearer: Revocations.Verifier needs a TokenVerifier")
	}
	limited, ok := v.(interface{ MaxLifetime() time.Duration })
	if leeway := leewayOf(v); ok && (leeway > r.opts.Lifetime/2 || limited.MaxLifetime() > r.opts.Lifetime-2*leeway) {
		panic("passbearer: the verifier takes tokens for longer (MaxLifetime and twice the Leeway) than revocations are remembered: " +
			"raise RevocationsOptions.Lifetime and the stores' RevocationLifetime")
	}
	return revocationVerifier{r, v}
}

func leewayOf(v TokenVerifier) time.Duration {
	if lenient, ok := v.(interface{ Leeway() time.Duration }); ok {
		return lenient.Leeway()
	}
	return 0
}

type revocationVerifier struct {
	revocations *Revocations
	next        TokenVerifier
}

var (
	errTokenRevoked = fmt.Errorf("%w: it was revoked", ErrInvalidToken)
	errStale        = errors.New("passbearer: revocations may be missing, and the policy is to refuse")
)

// Leeway is the verifier's, for whoever revokes a token.
func (v revocationVerifier) Leeway() time.Duration { return leewayOf(v.next) }

func (v revocationVerifier) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	c, err := v.next.VerifyToken(ctx, token)
	stale := v.revocations.Stale() // before what is known is asked: it may be catching up
	switch {
	case err != nil || c == nil:
		return c, err
	case v.revocations.Revoked(c):
		return nil, errTokenRevoked
	case v.revocations.policy == RefuseWhenStale && stale:
		return nil, errStale
	}
	return c, nil
}

// Revoked reports whether the token that says c is over, as far as this process
// knows.
func (r *Revocations) Revoked(c *Claims) bool {
	if r.sessionRevoked(c.SessionID) {
		return true
	}
	if _, ok := r.live(&r.tokens, c.ID); ok {
		return true
	}
	epoch, ok := r.live(&r.users, c.Subject)
	return ok && c.Epoch != 0 && c.Epoch <= epoch
}

// live reads the clock for what is found only: usually that is nothing.
func (r *Revocations) live(set *revokedSet, key string) (epoch int64, ok bool) {
	e, ok := set.find(key)
	return e.epoch, ok && r.now() < e.until
}

// sessionRevoked works on a nil set too, which knows nothing.
func (r *Revocations) sessionRevoked(id string) bool {
	if r == nil {
		return false
	}
	_, ok := r.live(&r.sessions, id)
	return ok
}

// Stale reports whether revocations may be missing.
func (r *Revocations) Stale() bool { return r.stale.Load() }

// Len returns how many revocations are kept, the expired ones of the last minute
// too.
func (r *Revocations) Len() int {
	return int(r.sessions.n.Load() + r.tokens.n.Load() + r.users.n.Load())
}

func (r *Revocations) now() time.Duration { return time.Since(r.born) }

// Learn keeps what this process has ended itself, for [RevocationsOptions.Lifetime]
// if e has none, so that it holds here before any store tells. On a nil set it does nothing.
func (r *Revocations) Learn(e Revocation) {
	if r == nil || r.add(e) {
		return
	}
	r.lost.Store(true) // first: who sets stale asks for it
	r.mu.Lock()
	r.stale.Store(true)
	r.mu.Unlock()
	observe(context.Background(), r.opts.Observer, Event{Kind: EventRevocationsStale, Err: errFull})
}

// add keeps what is new. It reports whether there was room.
func (r *Revocations) add(entries ...Revocation) bool {
	r.sweep()
	now := r.now()
	for _, e := range entries {
		set, key := r.setOf(e)
		switch {
		case key == "":
		case r.Len() >= r.opts.MaxEntries && !set.has(key):
			return false
		default:
			lifetime := min(orDefault(e.Lifetime, r.opts.Lifetime), math.MaxInt64-now) // a great one is for ever, and not over at once
			set.add(key, revoked{now + lifetime, e.Epoch})
		}
	}
	return true
}

func (r *Revocations) setOf(e Revocation) (set *revokedSet, key string) {
	switch {
	case e.SessionID != "":
		return &r.sessions, e.SessionID
	case e.TokenID != "":
		return &r.tokens, e.TokenID
	}
	return &r.users, e.UserID
}

const (
	sweepEvery = time.Minute // what has expired
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

var (
	errSilent = errors.New("the store has been silent for too long")
	errFull   = errors.New("there are more revocations than RevocationsOptions.MaxEntries")
)

// source is what is known of a store that is watched.
type source struct {
	fresh bool
	why   string // it is not
	ended bool   // nobody watches it any more, and the set is stale for it until another call of Watch
}

// Watch follows stores until ctx is done, whose error it returns; cut off from one,
// it tries again and catches up with all that is live. The set is stale until all
// of them have caught up, so they belong into one call. When it has returned, and not
// before, it may be called again, with the same stores or others; until then the set is
// stale.
func (r *Revocations) Watch(ctx context.Context, stores ...RevocationStore) error {
	r.forgetEnded()
	for _, store := range stores {
		r.set(ctx, store, false, nil)
	}
	var watching sync.WaitGroup
	for _, store := range stores {
		watching.Go(func() { r.watch(ctx, store) })
	}
	watching.Wait()
	<-ctx.Done()
	r.end(stores)
	return ctx.Err()
}

func (r *Revocations) end(stores []RevocationStore) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, store := range stores {
		r.sources[store] = source{ended: true}
	}
}

func (r *Revocations) forgetEnded() {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.sources, func(_ RevocationStore, s source) bool { return s.ended })
}

func (r *Revocations) watch(ctx context.Context, store RevocationStore) {
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		caughtUp, err := r.follow(ctx, store)
		if caughtUp {
			backoff = minBackoff
		}
		r.set(ctx, store, false, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff/2 + rand.N(backoff)): // a fleet does not come back all at once
		}
	}
}

// catchUpLimits is how many times longer the first news may take: it has all that
// is live.
const catchUpLimits = 10

// follow is one connection.
func (r *Revocations) follow(ctx context.Context, store RevocationStore) (caughtUp bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(catchUpLimits*r.opts.SilenceLimit, func() {
		r.set(ctx, store, false, errSilent)
		cancel(errSilent)
	})
	defer alarm.Stop()
	err = guardPanic(func() error {
		missed := false
		return store.WatchRevocations(ctx, func(news RevocationNews) {
			if ctx.Err() != nil {
				return
			}
			alarm.Reset(r.opts.SilenceLimit)
			caughtUp = caughtUp || news.Complete
			missed = !r.add(news.Revocations...) || missed
			if news.Complete && !missed {
				r.lost.Store(false)
			}
			switch {
			case !missed && !r.lost.Load():
				r.set(ctx, store, caughtUp, nil)
			case r.Len() >= r.opts.MaxEntries:
				r.set(ctx, store, false, errFull)
			default: // there is room again: catch up with what was missed
				cancel(errFull)
			}
		})
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return caughtUp, err
}

// set records whether a store is fresh, and tells when that changes the whole, or
// when there is another reason why it does not. Watching that ends because it was
// told to is no news.
func (r *Revocations) set(ctx context.Context, store RevocationStore, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.sources[store]
	now := source{fresh: fresh, ended: before.ended}
	if err != nil {
		now.why = err.Error()
	}
	r.sources[store] = now
	stale := r.lost.Load()
	for _, s := range r.sources {
		stale = stale || !s.fresh
	}
	changed := r.stale.Swap(stale) != stale
	toldTo := ctx.Err() != nil && errors.Is(err, context.Canceled)
	if toldTo || !changed && (now.why == "" || now.why == before.why) {
		return
	}
	kind := EventRevocationsFresh
	if stale {
		kind = EventRevocationsStale
	}
	observe(ctx, r.opts.Observer, Event{Kind: kind, Err: err})
}

// sweep forgets what has expired, once a minute.
func (r *Revocations) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now-r.swept < sweepEvery {
		return
	}
	r.swept = now
	for _, set := range []*revokedSet{&r.sessions, &r.tokens, &r.users} {
		set.sweep(now)
	}
}

// revokedSet is a map in shards, so that requests do not wait for each other.
type revokedSet struct {
	seed   maphash.Seed
	n      atomic.Int64
	shards [64]revokedShard
}

type revokedShard struct {
	mu sync.RWMutex
	m  map[string]revoked
}

type revoked struct {
	until time.Duration // on the set's clock
	epoch int64
}

func (s *revokedSet) shard(key string) *revokedShard {
	return &s.shards[maphash.String(s.seed, key)%uint64(len(s.shards))]
}

func (s *revokedSet) has(key string) bool {
	_, ok := s.find(key)
	return ok
}

// find returns what is kept, the expired too.
func (s *revokedSet) find(key string) (revoked, bool) {
	if s.n.Load() == 0 || key == "" {
		return revoked{}, false
	}
	shard := s.shard(key)
	shard.mu.RLock()
	e, ok := shard.m[key]
	shard.mu.RUnlock()
	return e, ok
}

// add keeps the later of two expiries and the higher of two epochs.
func (s *revokedSet) add(key string, e revoked) {
	shard := s.shard(key)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	old, exists := shard.m[key]
	if !exists {
		s.n.Add(1)
	}
	if shard.m == nil {
		shard.m = make(map[string]revoked)
	}
	shard.m[key] = revoked{max(old.until, e.until), max(old.epoch, e.epoch)}
}

// sweep forgets, and gives the memory back: a map keeps that of its most entries.
func (s *revokedSet) sweep(now time.Duration) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		before := len(shard.m)
		maps.DeleteFunc(shard.m, func(_ string, e revoked) bool { return now >= e.until })
		if left := len(shard.m); left < before {
			s.n.Add(int64(left - before))
			m := make(map[string]revoked, left)
			maps.Copy(m, shard.m)
			shard.m = m
		}
		shard.mu.Unlock()
	}
}
