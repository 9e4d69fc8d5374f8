package badinputs

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/passbearer/passbearer"
)

// stage is where one row is played. What a row needs is sent to the server itself,
// and what it is about through judge.
type stage struct {
	*server
	row
	tally
	ctx      context.Context
	problems []string
	looked   map[string]bool // conditions that were looked at
	me       *user           // the row's own, made when first asked for
	made     map[string]bool // ids of users that the row made
	chain    []answer        // of the session that the row is about, by generation
}

// user is one of the row's own.
type user struct{ id, name, password string }

// stop ends a play that cannot go on.
type stop struct{}

// play plays a row.
func (s *server) play(ctx context.Context, r row, play func(*stage)) *stage {
	c := &stage{server: s, row: r, ctx: ctx, looked: map[string]bool{}, made: map[string]bool{}}
	s.begin()
	func() {
		defer func() {
			if v := recover(); v != nil && v != (stop{}) {
				panic(v)
			}
		}()
		play(c)
	}()
	s.spy.heal()
	if c.altered {
		return c
	}
	if c.inputs == 0 {
		c.errorf("nothing was sent")
	}
	for _, condition := range r.conditions() {
		if !c.looked[condition] && !remarks[condition] {
			c.errorf("nobody has looked at the condition %q", condition)
		}
	}
	return c
}

// begin forgets what came before.
func (s *server) begin() {
	s.book.take()
	s.spy.take()
}

// maxProblems is enough to see what is wrong.
const maxProblems = 5

func (c *stage) errorf(format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
	if c.altered {
		panic(stop{}) // one is enough
	}
}

const noStage = "the stage could not be set: "

// need stops the play where what a row needs does not work.
func (c *stage) need(ok bool, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, noStage+fmt.Sprintf(format, args...))
		panic(stop{})
	}
}

func (c *stage) needNil(err error) { c.need(err == nil, "%v", err) }

// also says how it is with a condition of the row.
func (c *stage) also(condition string, ok bool, x any) {
	c.looked[condition] = true
	if !ok {
		c.errorf("%s: not so: %v", condition, x)
	}
}

// judge sends an input of the row, and checks what comes of it.
func (c *stage) judge(request string) *exchange { return c.judgeWith(request, nil) }

func (c *stage) judgeWith(request string, more io.Reader) *exchange {
	x := c.observe(func() *exchange {
		x, err := send(c.judged, request, more)
		if err != nil {
			c.errorf("%v: no answer: %v", x, err)
		}
		return x
	})
	c.check(x)
	return x
}

// each judges several.
func (c *stage) each(requests ...string) {
	for _, r := range requests {
		c.judge(r)
	}
}

// volley sends inputs at once, and checks the answers. What happens inside is
// returned apart, since it cannot be told whose it is.
func (c *stage) volley(requests []string) (all []*exchange, inside *exchange) {
	all = make([]*exchange, len(requests))
	inside = c.observe(func() *exchange {
		var wg sync.WaitGroup
		for i, r := range requests {
			wg.Go(func() {
				x, err := send(c.judged, r, nil)
				if err != nil {
					x.body = err.Error()
				}
				all[i] = x
			})
		}
		wg.Wait()
		return &exchange{sent: fmt.Sprintf("%d requests at once", len(requests))}
	})
	for _, x := range all {
		c.check(x)
		if word := echo(x.sent, inside.log); word != "" {
			c.errorf("%v: the log has %q", x, word)
		}
	}
	c.checkInside(inside)
	return all, inside
}

// observe adds what the server's side saw of it.
func (c *stage) observe(f func() *exchange) *exchange {
	c.begin()
	before := c.hasher.Stats()
	x := f()
	after := c.hasher.Stats()
	x.hashes, x.work = after.Hashes-before.Hashes, after.Work-before.Work
	x.calls, x.events, x.log, x.read = c.book.take()
	x.stores = c.spy.take()
	return x
}

// send is for what a row needs. It is not judged.
func (c *stage) send(request string) *exchange {
	return c.observe(func() *exchange {
		x, err := send(c.plain, request, nil)
		c.needNil(err)
		return x
	})
}

// read is what net/http makes of a request.
func (c *stage) read(request string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	c.needNil(err)
	return r.WithContext(c.ctx)
}

// scopes are what users may do.
const scopes = "read write"

// user returns the row's own.
func (c *stage) user() *user {
	if c.me == nil {
		c.me = c.newUser("correct-horse-" + rand.Text())
	}
	return c.me
}

func (c *stage) newUser(password string) *user {
	hash, err := c.hasher.Hash(c.ctx, password)
	c.needNil(err)
	u := c.userWith(hash)
	u.password = password
	return u
}

// userWith has a hash, or something else in its place.
func (c *stage) userWith(hash string) *user {
	return c.userNamed("user-"+strings.ToLower(rand.Text()), hash)
}

// userNamed has a name that is canonical.
func (c *stage) userNamed(name, hash string) *user {
	u := &user{id: rand.Text(), name: name}
	c.made[u.id] = true
	c.needNil(c.stores.Users.AddUser(c.ctx, passbearer.User{ID: u.id, Name: u.name, PasswordHash: hash, Scope: scopes}))
	return u
}

// passwordForm is the usual one.
func (u *user) passwordForm(pairs ...string) string {
	return passwordForm(u.name, u.password, pairs...)
}

func passwordForm(name, password string, pairs ...string) string {
	return form(append([]string{"grant_type", "password", "username", name, "password", password}, pairs...)...)
}

func refreshForm(token string, pairs ...string) string {
	return form(append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// signIn begins another session of u.
func (c *stage) signIn(u *user) answer { return c.signInAt("/token", u) }

func (c *stage) signInAt(path string, u *user, lines ...string) answer {
	x := c.send(post(path, u.passwordForm(), lines...))
	c.need(x.status == 200, "sign in: %v", x)
	return x.answer()
}

// refresh rotates, and needs that it works.
func (c *stage) refresh(path, token string, pairs ...string) answer {
	x := c.send(post(path, refreshForm(token, pairs...)))
	c.need(x.status == 200, "refresh: %v", x)
	return x.answer()
}

// session begins the one that the row is about, and rotates it n times.
func (c *stage) session(n int) { c.sessionAt("/token", n) }

func (c *stage) sessionAt(path string, n int) {
	c.chain = []answer{c.signInAt(path, c.user())}
	for range n {
		c.chain = append(c.chain, c.refresh(path, c.rt(0)))
	}
}

// at is the access token {AT}: the newest of the session.
func (c *stage) at() string {
	if c.chain == nil {
		c.session(0)
	}
	return c.chain[len(c.chain)-1].Access
}

// rt is the refresh token that many generations back: rt(0) is {RT}, rt(1) is
// {RT-1}.
func (c *stage) rt(back int) string {
	if c.chain == nil {
		c.session(back)
	}
	return c.chain[len(c.chain)-1-back].Refresh
}

// fill puts tokens in the place of the catalogue's placeholders.
func (c *stage) fill(s string) string {
	for name, token := range map[string]func() string{
		"{AT}":   c.at,
		"{RT}":   func() string { return c.rt(0) },
		"{RT-1}": func() string { return c.rt(1) },
		"{RT-2}": func() string { return c.rt(2) },
	} {
		if strings.Contains(s, name) {
			s = strings.ReplaceAll(s, name, token())
		}
	}
	return s
}

// lives reports whether an access token is accepted.
func (c *stage) lives(access string) bool { return c.send(get("/items", bearer(access))).status == 200 }

// refreshes reports whether a refresh token is good.
func (c *stage) refreshes(token string) bool {
	return c.send(post("/token", refreshForm(token))).status == 200
}
