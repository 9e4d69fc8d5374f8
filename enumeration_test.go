package passbearer_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/enumeration"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

var (
	enumerationPairs = flag.Int("enumeration.pairs", 1010, "pairs of sign-ins to compare the times of; from 20,000 on the goal is asserted")
	enumerationReal  = flag.Int("enumeration.real", 0, "pairs of sign-ins at the default costs to compare the times of")
)

const (
	policyWork = 64 // KiB times passes
	// enumerationGoal is how far the medians may be apart.
	enumerationGoal = 5 * time.Microsecond * raceFactor
)

// ledger is a store of users, sessions and attempts that writes down which of its methods are called.
type ledger struct {
	*memstore.Store
	attempts throttle.Memory

	mu    sync.Mutex
	calls []string
}

func (l *ledger) called(method string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, fmt.Sprint(method, " ", n))
}

func (l *ledger) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.calls
	l.calls = nil
	return all
}

func (l *ledger) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	l.called("UserByName", 1)
	return l.Store.UserByName(ctx, name)
}

func (l *ledger) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	l.called("UserByID", 1)
	return l.Store.UserByID(ctx, id)
}

func (l *ledger) UpdatePasswordHash(ctx context.Context, userID, old, new string) error {
	l.called("UpdatePasswordHash", 1)
	return l.Store.UpdatePasswordHash(ctx, userID, old, new)
}

func (l *ledger) CreateSession(ctx context.Context, row passbearer.Session) error {
	l.called("CreateSession", 1)
	return l.Store.CreateSession(ctx, row)
}

func (l *ledger) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	l.called("SessionByID", 1)
	return l.Store.SessionByID(ctx, id)
}

func (l *ledger) EndSession(ctx context.Context, id string) error {
	l.called("EndSession", 1)
	return l.Store.EndSession(ctx, id)
}

func (l *ledger) ReserveAttempt(ctx context.Context, takes []throttle.Take) ([]time.Duration, error) {
	l.called("ReserveAttempt", len(takes))
	return l.attempts.ReserveAttempt(ctx, takes)
}

func (l *ledger) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	l.called("RefundAttempt", len(takes))
	return l.attempts.RefundAttempt(ctx, takes)
}

// account is a name that can be tried, and what a wrong password costs there.
type account struct {
	name     string
	password string // empty means a wrong one
	user     func(h, other *password.Hasher) *passbearer.User
	hashes   uint64
	work     uint64
	imports  uint64
}

func hashed(hash string) func(_, _ *password.Hasher) *passbearer.User {
	return func(_, _ *password.Hasher) *passbearer.User { return &passbearer.User{PasswordHash: hash} }
}

func hashedAt(costs password.Params) func(_, _ *password.Hasher) *passbearer.User {
	return func(h, _ *password.Hasher) *passbearer.User {
		cheap, err := password.New(&password.Options{Params: costs, Peppers: pepperOf('p')})
		return &passbearer.User{PasswordHash: must(must(cheap, err).Hash(context.Background(), "secret"))}
	}
}

func pepperOf(b byte) []password.Pepper {
	return []password.Pepper{{ID: string(b), Key: []byte(strings.Repeat(string(b), 32))}}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

const (
	bcryptOfNobody = "$2b$04$abcdefghijklmnopqrstuuGoyCBgWQFm0Jd1U3pVbYjMy0TKnqzG."
	pbkdf2OfNobody = "pbkdf2_sha256$1000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="
)

// Who signs in with the right password does not belong here, but those who may not
// do: their password must not show.
var accounts = []account{
	{"known", "", usual, 1, policyWork, 0},
	{"unknown", "", nil, 1, policyWork, 0},
	{"disabled", "", disabled, 1, policyWork, 0},
	{"disabledright", "secret", disabled, 1, policyWork, 0},
	{"passwordless", "", hashed(""), 1, policyWork, 0},
	{"locked", "", hashed("!"), 1, policyWork, 0},
	{"truncated", "", hashed("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0"), 1, policyWork, 0},
	{"overlong", "", hashed(strings.Repeat("$", 1000)), 1, policyWork, 0},
	{"overlimit", "", hashed("$argon2id$v=19$m=4194304,t=9,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0"), 1, policyWork, 0},
	{"oldcost", "", hashedAt(password.Params{Memory: 16, Time: 1, Threads: 1}), 2, policyWork, 0},
	{"unpeppered", "", unpeppered, 1, policyWork, 0},
	// These may be told apart until they are renewed, says Hasher.Verify.
	{"dearer", "", hashedAt(password.Params{Memory: 128, Time: 1, Threads: 1}), 1, 2 * policyWork, 0},
	{"bcrypt", "", hashed(bcryptOfNobody), 1, policyWork, 1},
	{"pbkdf2", "", hashed(pbkdf2OfNobody), 1, policyWork, 1},
}

func usual(h, _ *password.Hasher) *passbearer.User {
	return &passbearer.User{PasswordHash: must(h.Hash(context.Background(), "secret"))}
}

func disabled(h, other *password.Hasher) *passbearer.User {
	u := usual(h, other)
	u.Disabled = true
	return u
}

func unpeppered(_, other *password.Hasher) *passbearer.User { return usual(other, nil) }

// town is a token endpoint where all the accounts are.
type town struct {
	http.Handler
	ledger *ledger
	hasher *password.Hasher
}

func newTown(t testing.TB, costs password.Params, change func(*passbearer.TokenHandlerOptions, *throttle.Options)) *town {
	t.Helper()
	opts := password.Options{Params: costs, Peppers: pepperOf('p'), ImportLeast: password.ImportCosts{Bcrypt: 4}}
	hasher, err := password.New(&opts)
	require.NoError(t, err)
	opts.Peppers = nil
	other, err := password.New(&opts)
	require.NoError(t, err)
	store := &ledger{Store: memstore.New()}
	for _, a := range accounts {
		if a.user != nil {
			user := a.user(hasher, other)
			user.ID, user.Name = "id of "+a.name, a.name
			require.NoError(t, store.AddUser(t.Context(), *user))
		}
	}
	sessions := passbearer.NewSessions(store, store, refreshKeys(t, goldenIssuer, secretA), nil)
	limits := throttle.Options{Store: store, Secrets: [][]byte{secretA}}
	o := passbearer.TokenHandlerOptions{Passwords: hasher, Sessions: sessions, Observer: silence{}}
	if change != nil {
		change(&o, &limits)
	}
	o.Throttle, err = throttle.New(&limits)
	require.NoError(t, err)
	return &town{passbearer.NewTokenHandler(store, new(fakeIssuer), &o), store, hasher}
}

// try is one attempt and all that whoever makes it can see, and what it took.
func (w *town) try(r *http.Request) (answer string, calls []string, work password.Stats) {
	before := w.hasher.Stats()
	w.ledger.take()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	after := w.hasher.Stats()
	work = password.Stats{Hashes: after.Hashes - before.Hashes, Work: after.Work - before.Work, Imports: after.Imports - before.Imports}
	return fmt.Sprint(rec.Code, rec.Header(), rec.Body), w.ledger.take(), work
}

func (a account) request(plain string) *http.Request {
	if a.password != "" {
		plain = a.password
	}
	return tokenRequest("username", a.name, "password", plain)
}

// TestNoAccountIsTold: whatever is wrong with an account, an attempt takes the work
// that password.Hasher states, and the same calls of the stores in the same order,
// and is answered with the same bytes, Set-Cookie included.
func TestNoAccountIsTold(t *testing.T) {
	const want = `400 map[Cache-Control:[no-store] Content-Type:[application/json]] ` +
		`{"detail":"Incorrect username or password","error":"invalid_grant","error_description":"Incorrect username or password"}` + "\n"
	asked := []string{"UserByName 1", "ReserveAttempt 3"}
	for _, a := range accounts {
		t.Run(a.name, func(t *testing.T) {
			town := newTown(t, password.Params{Memory: policyWork, Time: 1, Threads: 1}, nil)
			stated := password.Stats{Hashes: a.hashes, Work: a.work, Imports: a.imports}

			answer, calls, work := town.try(a.request("wrong"))
			require.Equal(t, want, answer)
			require.Equal(t, asked, calls)
			require.Equal(t, stated, work)

			answer, calls, work = town.try(a.request("wrong"))
			require.Equal(t, want, answer)
			require.Equal(t, append(asked, "RefundAttempt 1"), calls, "a repetition")
			require.Equal(t, stated, work)

			stranger := a.request("wrong again")
			stranger.AddCookie(&http.Cookie{Name: throttle.DeviceCookie, Value: town.device(t)})
			answer, calls, work = town.try(stranger)
			require.Equal(t, want, answer)
			if a.name == "known" {
				require.Equal(t, []string{"UserByName 1", "ReserveAttempt 1"}, calls, "whose device it is knows that already")
			} else if a.password == "" {
				require.Equal(t, asked, calls, "somebody else's device")
			}
			require.Equal(t, stated, work)

			// An unfit password is refused alike, and an empty one before any call.
			unfit := tokenRequest("username", a.name, "password", strings.Repeat("p", 1025))
			answer, calls, work = town.try(unfit)
			require.Equal(t, want, answer)
			require.Equal(t, asked, calls)
			require.Equal(t, password.Stats{Hashes: 1, Work: policyWork}, work)
			_, calls, work = town.try(tokenRequest("username", a.name, "password", ""))
			require.Empty(t, calls)
			require.Zero(t, work)
		})
	}
}

// device returns the cookie of a device on which the known user signed in.
func (w *town) device(t *testing.T) string {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, tokenRequest("username", "known", "password", "secret"))
	require.Equal(t, 200, rec.Code, rec.Body)
	for _, cookie := range rec.Result().Cookies() {
		if cookie.Name == throttle.DeviceCookie {
			return cookie.Value
		}
	}
	t.Fatal("no cookie")
	return ""
}

// TestNoThrottledAccountIsTold: nor is it once there were too many attempts, and no
// hash is spent.
func TestNoThrottledAccountIsTold(t *testing.T) {
	const want = `429 map[Cache-Control:[no-store] Content-Type:[application/json] Retry-After:[60]] ` + tooMany
	for _, a := range accounts {
		t.Run(a.name, func(t *testing.T) {
			now := time.Now()
			town := newTown(t, password.Params{Memory: policyWork, Time: 1, Threads: 1}, func(_ *passbearer.TokenHandlerOptions, o *throttle.Options) {
				o.Account = throttle.Limit{Burst: 2, Every: time.Hour}
				o.Now = func() time.Time { return now }
				o.Store.(*ledger).attempts.Now = o.Now
			})
			for i := range 2 {
				town.try(tokenRequest("username", a.name, "password", fmt.Sprint("wrong ", i)))
			}
			for _, plain := range []string{"wrong", "secret", strings.Repeat("p", 1025)} {
				answer, calls, work := town.try(a.request(plain))
				require.Equal(t, want, answer)
				require.Equal(t, []string{"UserByName 1", "ReserveAttempt 3"}, calls)
				require.Zero(t, work)
			}
		})
	}
}

// slowFor is a store that gives itself away: it needs longer for a name.
type slowFor struct {
	*memstore.Store
	name string
	by   time.Duration
}

func (s slowFor) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	if name == s.name {
		for start := time.Now(); time.Since(start) < s.by; {
		}
	}
	return s.Store.UserByName(ctx, name)
}

// timing is a town in which nobody is throttled, unless all are, at the given costs.
func timing(t testing.TB, costs password.Params, throttled bool, slow time.Duration) http.Handler {
	town := newTown(t, costs, func(o *passbearer.TokenHandlerOptions, l *throttle.Options) {
		wide := throttle.Limit{Burst: 1e6, Every: time.Millisecond}
		l.Account, l.Address, l.Network, l.Store = wide, wide, wide, nil
		if throttled {
			l.Account = throttle.Limit{Burst: 1, Every: time.Hour}
		}
		o.Observer = passbearer.LogObserver(slog.New(slog.DiscardHandler))
	})
	if slow == 0 {
		return town
	}
	return passbearer.NewTokenHandler(slowFor{town.ledger.Store, "unknown", slow}, new(fakeIssuer),
		&passbearer.TokenHandlerOptions{Passwords: town.hasher, InsecureSkipThrottling: true, Observer: silence{}})
}

// attempts returns what signs in with a password that is another in each pair.
func attempts(h http.Handler, a account) func(pair int) func() {
	return func(pair int) func() {
		r, w := a.request(fmt.Sprint("guess ", pair)), httptest.NewRecorder()
		return func() { h.ServeHTTP(w, r) }
	}
}

func accountOf(name string) account {
	for _, a := range accounts {
		if a.name == name {
			return a
		}
	}
	panic(name)
}

// least are argon2's least costs, a constant few microseconds: what is left of an
// attempt is what the library itself does.
var least = password.Params{Memory: 8, Time: 1, Threads: 1}

// TestNoAccountIsToldByTime compares a wrong password for an account with one for
// each of the others. In its short form it fails where a difference is surely over
// the goal; in the long form (-enumeration.pairs=20000 and more) where it is not
// surely within. The first two rows say what it is worth: an account is like
// itself, and 20 µs that were planted are found.
func TestNoAccountIsToldByTime(t *testing.T) {
	compare := func(t *testing.T, h http.Handler, name string) enumeration.Difference {
		t.Helper()
		d := enumeration.Compare(*enumerationPairs, attempts(h, accountOf("known")), attempts(h, accountOf(name)))
		t.Logf("%-14s %v", name, d)
		return d
	}
	within := func(t *testing.T, d enumeration.Difference) {
		t.Helper()
		require.False(t, d.Low > enumerationGoal || d.High < -enumerationGoal, "told apart: %v", d)
		if *enumerationPairs >= 20_000 {
			require.True(t, d.High <= enumerationGoal && d.Low >= -enumerationGoal, "not within the goal: %v", d)
		}
	}
	// Costs of one hash: oldcost's is topped up by a second one, whose own beginning
	// costs too, and counts for less the dearer the policy is.
	h := timing(t, least, false, 0)
	t.Run("control", func(t *testing.T) { within(t, compare(t, h, "known")) })
	t.Run("planted", func(t *testing.T) {
		d := compare(t, timing(t, least, false, 20*time.Microsecond*raceFactor), "unknown")
		require.Greater(t, d.Low, enumerationGoal, "no power")
	})
	for _, a := range accounts {
		usual := a.work == policyWork && a.imports == 0
		if !usual && *enumerationPairs < 20_000 {
			continue // they are told apart, as Hasher.Verify says
		}
		t.Run(a.name, func(t *testing.T) {
			d := compare(t, h, a.name)
			if usual && a.hashes == 1 {
				within(t, d)
			}
		})
	}
	throttled := timing(t, least, true, 0)
	for _, a := range accounts {
		t.Run("throttled "+a.name, func(t *testing.T) { within(t, compare(t, throttled, a.name)) })
	}
}

// TestNoAccountIsToldByTimeAtRealCosts is for the figures that are published.
func TestNoAccountIsToldByTimeAtRealCosts(t *testing.T) {
	pairs := *enumerationReal
	if pairs == 0 {
		pairs = 3 // it runs, at least
	}
	h := timing(t, password.Params{Memory: 19 * 1024, Time: 2, Threads: 1}, false, 0)
	for _, name := range []string{"known", "unknown", "disabledright", "locked", "oldcost"} {
		d := enumeration.Compare(pairs, attempts(h, accountOf("known")), attempts(h, accountOf(name)))
		t.Logf("%-14s %v", name, d)
		if pairs >= 300 {
			require.False(t, d.Low > time.Millisecond || d.High < -time.Millisecond, "told apart: %s: %v", name, d)
		}
	}
}
