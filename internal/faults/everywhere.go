package faults

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// flow is a request, and what must be true of it whatever happened the first time.
type flow struct {
	name   string
	ready  func(t *testing.T, c *play)
	send   func(c *play, r func(path, bearer string, form ...string) *http.Request) Answer
	status int                  // without a fault
	again  int                  // of the same request, when the fault is over
	after  func(c *play) string // what is wrong then, if anything
}

// play is one flow, played once.
type play struct {
	*App
	ctx    context.Context
	user   User
	chain  []Answer // of the user's session, by generation
	hashes uint64   // before
}

func (c *play) signIn(t *testing.T, rotations int) {
	t.Helper()
	c.chain = []Answer{c.SignIn(c.ctx, c.user.Name, c.user.Password)}
	for range rotations {
		c.chain = append(c.chain, c.Refresh(c.ctx, c.chain[len(c.chain)-1].Refresh))
	}
	if last := c.chain[len(c.chain)-1]; last.Status != 200 {
		t.Fatalf("the stage could not be set: %d %s", last.Status, last.Raw)
	}
}

type sender = func(path, bearer string, form ...string) *http.Request

func signInFlow(name string, policy bool) flow {
	return flow{name: name,
		ready: func(t *testing.T, c *play) { c.user = c.AddUser(t, policy) },
		send: func(c *play, r sender) Answer {
			return c.Do(r("/token", "", "username", c.user.Name, "password", c.user.Password))
		},
		status: 200, again: 200,
	}
}

func refreshFlow(name string, rotations, back, status int, after func(*play) string) flow {
	return flow{name: name,
		ready: func(t *testing.T, c *play) { c.user = c.AddUser(t, true); c.signIn(t, rotations) },
		send: func(c *play, r sender) Answer {
			return c.Do(r("/token", "", "grant_type", "refresh_token", "refresh_token", c.chain[len(c.chain)-1-back].Refresh))
		},
		status: status, again: status, after: after,
	}
}

func (c *play) ended() string {
	if a := c.Refresh(c.ctx, c.chain[len(c.chain)-1].Refresh); a.Status != 400 || a.Error != "invalid_grant" {
		return fmt.Sprintf("the session goes on: %d", a.Status)
	}
	return ""
}

// goesOn presents the token of the next generation, which the client had from the
// request that was repeated.
func (c *play) goesOn() string {
	rows, err := c.Engine.List(c.ctx, c.user.ID)
	if err != nil || len(rows) != 1 {
		return fmt.Sprintf("there are %d sessions: %v", len(rows), err)
	}
	if g := rows[0].Generation; g != int64(len(c.chain)) && g != int64(len(c.chain)-1) {
		return fmt.Sprintf("the row is at generation %d, the client at %d", g, len(c.chain)-1)
	}
	return ""
}

var flows = []flow{
	signInFlow("sign in", true),
	signInFlow("sign in with a hash to be renewed", false),
	{name: "wrong password",
		ready: func(t *testing.T, c *play) { c.user = c.AddUser(t, true) },
		send: func(c *play, r sender) Answer {
			return c.Do(r("/token", "", "username", c.user.Name, "password", "wrong"))
		},
		status: 400, again: 400,
	},
	{name: "unknown name",
		ready: func(*testing.T, *play) {},
		send: func(c *play, r sender) Answer {
			return c.Do(r("/token", "", "username", "nobody", "password", "wrong"))
		},
		status: 400, again: 400,
	},
	refreshFlow("refresh", 1, 0, 200, (*play).goesOn),
	refreshFlow("repeated refresh", 1, 1, 200, (*play).goesOn),
	refreshFlow("stolen refresh token", 2, 2, 400, (*play).ended),
	{name: "sign out",
		ready:  func(t *testing.T, c *play) { c.user = c.AddUser(t, true); c.signIn(t, 0) },
		send:   func(c *play, r sender) Answer { return c.Do(r("/revoke", "", "token", c.chain[0].Refresh)) },
		status: 200, again: 200, after: (*play).ended,
	},
	{name: "a protected resource and its user",
		ready:  func(t *testing.T, c *play) { c.user = c.AddUser(t, true); c.signIn(t, 0) },
		send:   func(c *play, r sender) Answer { return c.Do(r("/me", c.chain[0].Access)) },
		status: 200, again: 200,
	},
}

// fault is what happens at a point. hangUp ends the client's request.
type fault struct {
	name  string
	at    func(ctx context.Context, hangUp func()) error
	heal  func() // nil where the fault is over by itself
	check func(c *play, f flow, p Point, a Answer, took time.Duration) string
}

// courtesy is work without which a request succeeds.
func courtesy(p Point) bool { return p.Method == "UpdatePasswordHash" || p.Method == "RefundAttempt" }

func unavailable(_ *play, f flow, p Point, a Answer, _ time.Duration) string {
	switch {
	case courtesy(p) && a.Status == f.status:
	case a.Status != 503 || a.Header.Get("Retry-After") != "1":
		return fmt.Sprintf("answered %d, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), a.Raw)
	case p.Method != "UserByID" && a.Error != "temporarily_unavailable": // a Guard's answer has no error
		return "answered " + a.Error
	}
	return ""
}

// usual can be played with any store.
var usual = []fault{
	{name: "the database is gone", at: func(context.Context, func()) error { return ErrDown }, check: unavailable},
	{name: "the store panics", at: func(context.Context, func()) error { panic("secret cause") },
		check: func(_ *play, _ flow, _ Point, a Answer, _ time.Duration) string {
			if a.Status != 500 || a.Raw == "" || containsSecret(a.Raw) {
				return fmt.Sprintf("answered %d: %s", a.Status, a.Raw)
			}
			return ""
		}},
	{name: "the client hangs up", at: func(_ context.Context, hangUp func()) error { hangUp(); return nil }, check: doneOrUnavailable},
}

func doneOrUnavailable(_ *play, f flow, _ Point, a Answer, _ time.Duration) string {
	if a.Status != f.status && a.Status != 503 {
		return fmt.Sprintf("answered %d: %s", a.Status, a.Raw)
	}
	return ""
}

// Incident is something that happens to a real database, at a point of a request, and
// is over when the request was answered.
type Incident struct {
	Name         string
	Happen, Heal func()
}

func (i Incident) fault() fault {
	return fault{i.Name, func(context.Context, func()) error { i.Happen(); return nil }, i.Heal, doneOrUnavailable}
}

var slow = fault{name: "the database answers after 10 s", at: func(ctx context.Context, _ func()) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return nil
	}
}, check: func(c *play, f flow, p Point, a Answer, took time.Duration) string {
	limit := 2 * time.Second
	if p.Method == "RefundAttempt" || p.Method == "EndSession" {
		limit = 5 * time.Second // undone and ended, whoever waits
	}
	if took != limit {
		return fmt.Sprintf("it took %v", took)
	}
	return unavailable(c, f, p, a, took)
}}

// Everywhere lets each call of each kind of request fail, panic and lose its client,
// before its work and after; or else, where there are any, lets the incidents happen then.
// Nothing may be half-done, and nothing be left behind.
func Everywhere(t *testing.T, open func(*testing.T) Stores, incidents ...Incident) {
	n, list := 0, usual
	if len(incidents) > 0 {
		list = nil
	}
	for _, i := range incidents {
		list = append(list, i.fault())
	}
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			a := New(t, open(t), Options{})
			n += a.play(t, f, list)
		})
	}
	t.Logf("faults: %d plays", n)
}

// SlowEverywhere lets each call take 10 seconds, in a bubble, for stores in memory. A
// goroutine that is left makes the bubble fail.
func SlowEverywhere(t *testing.T, open func(*testing.T) Stores) {
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { New(t, open(t), Options{}).play(t, f, []fault{slow}) })
		})
	}
}

// play plays f once without a fault, to learn its points, and then with each fault at
// each of them.
func (a *App) play(t *testing.T, f flow, list []fault) (n int) {
	t.Helper()
	c := a.stage(t, f)
	if got := f.send(c, c.sender(c.ctx)); got.Status != f.status {
		t.Fatalf("without a fault: answered %d: %s", got.Status, got.Raw)
	}
	points := a.Script.Take()
	if len(points) == 0 {
		t.Fatal("no store was called")
	}
	for _, p := range points {
		for _, x := range list {
			if wrong := a.playAt(t, f, p, x); wrong != "" {
				t.Errorf("%s, %v: %s", x.name, p, wrong)
			}
			n++
		}
	}
	return n
}

func (a *App) stage(t *testing.T, f flow) *play {
	c := &play{App: a, ctx: t.Context()}
	a.Script.On(nil)
	f.ready(t, c)
	a.Script.Take()
	c.hashes = a.Hasher.Stats().Hashes
	return c
}

var addresses atomic.Int64

// sender comes from an address of its own, for attempts are counted.
func (c *play) sender(ctx context.Context) sender {
	n := addresses.Add(1)
	from := fmt.Sprintf("9.%d.%d.1:1", n/250, n%250)
	return func(path, bearer string, form ...string) *http.Request {
		r := Request(ctx, path, bearer, form...)
		r.RemoteAddr = from
		return r
	}
}

func (a *App) playAt(t *testing.T, f flow, p Point, x fault) string {
	t.Helper()
	c := a.stage(t, f)
	ctx, hangUp := context.WithCancel(c.ctx)
	defer hangUp()
	reserved, happened := a.Script.Reserved(), false
	a.Script.On(func(ctx context.Context, at Point) error {
		if at != p {
			return nil
		}
		happened = true
		return x.at(ctx, hangUp)
	})
	start := time.Now()
	got := f.send(c, c.sender(ctx))
	took := time.Since(start)
	a.Script.On(nil)
	if x.heal != nil {
		x.heal()
	}
	if !happened {
		return "it did not happen"
	}
	if wrong := x.check(c, f, p, got, took); wrong != "" {
		return wrong
	}
	if s := a.Hasher.Stats(); s.Running != 0 || s.Waiting != 0 {
		return fmt.Sprintf("slots are taken: %+v", s)
	}
	if wrong := c.attempts(f, p, got, a.Script.Reserved()-reserved); wrong != "" {
		return wrong
	}
	if wrong := c.halfDone(p, got); wrong != "" {
		return wrong
	}
	if again := f.send(c, c.sender(c.ctx)); again.Status != f.again {
		return fmt.Sprintf("the same again: answered %d: %s", again.Status, again.Raw)
	}
	if f.after != nil {
		return f.after(c)
	}
	return ""
}

// attempts looks at what is counted: an attempt whose password was wrong, and none
// that was not looked at or was right, unless the counter's own calls failed.
func (c *play) attempts(f flow, p Point, got Answer, counted int) string {
	want := 0
	if f.status == 400 && len(c.chain) == 0 && c.Hasher.Stats().Hashes > c.hashes {
		want = 1
	}
	unsure := p == Point{"ReserveAttempt", true} || p.Method == "RefundAttempt"
	if counted != want && !(unsure && counted == 1) {
		return fmt.Sprintf("%d attempts are counted, and not %d", counted, want)
	}
	return ""
}

// halfDone looks for a session that nobody knows: its row may only be there if the
// answer has its token, or was lost on the way.
func (c *play) halfDone(p Point, got Answer) string {
	if c.user.ID == "" || len(c.chain) > 0 {
		return ""
	}
	rows, err := c.Engine.List(c.ctx, c.user.ID)
	if err != nil {
		return err.Error()
	}
	if known := got.Status == 200; len(rows) > 0 && !known && p != (Point{"CreateSession", true}) {
		return "there is a session, though the answer has none"
	} else if known && len(rows) != 1 {
		return fmt.Sprintf("there are %d sessions", len(rows))
	}
	return ""
}

func containsSecret(s string) bool {
	return slices.ContainsFunc([]string{"secret cause", "goroutine ", ".go:"}, func(mark string) bool { return strings.Contains(s, mark) })
}
