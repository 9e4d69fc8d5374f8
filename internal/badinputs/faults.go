package badinputs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

var concurrencyFaults = cases{
	"CF-007": func(c *stage) {
		c.spy.fail("UserByName", func() error { return errDown })
		c.each(post("/token", c.user().passwordForm()), post("/token", passwordForm("nobody", "wrong")), post(c.throttle().path,
			c.user().passwordForm()))
		c.spy.heal()
		c.spy.fail("ClientByID", func() error { return errDown })
		c.judge(post("/clients/token", c.user().passwordForm(), basic(clientA, secretOf(clientA))))
	},
	"CF-008": func(c *stage) {
		for _, method := range []string{"SessionByID", "UserByID", "SwapGeneration"} {
			for _, err := range []error{errDown, context.DeadlineExceeded, fmt.Errorf("x: %w", context.Canceled),
				&passbearer.Error{StatusCode: 400, ErrorCode: "invalid_grant", ErrorDescription: "of the store"}} {
				c.session(1)
				c.spy.fail(method, func() error { return err })
				c.judge(post("/token", refreshForm(c.rt(0))))
				c.spy.heal()
				c.need(c.refreshes(c.rt(0)), "the session did not outlive the fault of %s", method)
			}
		}
	},
	"CF-011": func(c *stage) {
		at := c.at()
		for _, err := range []error{errDown, context.DeadlineExceeded, &passbearer.Error{StatusCode: 500,
			ErrorDescription: "of the store"}} {
			c.spy.fail("UserByID", func() error { return fmt.Errorf("load: %w", errors.Join(err, errDown)) })
			c.judge(get("/me", bearer(at)))
		}
		c.spy.heal()
		c.spy.answerUsers(func() (*passbearer.User, error) { return nil, nil })
		c.judge(get("/me", bearer(at)))
	},
	"CF-020": func(c *stage) {
		c.session(0)
		c.spy.failAfter("SwapGeneration", func() error { return errDown })
		lost := c.send(post("/token", refreshForm(c.rt(0))))
		c.need(lost.status == 503, "%v", lost)
		c.spy.heal()
		x := c.judge(post("/token", refreshForm(c.rt(0))))
		again := c.judge(post("/token", refreshForm(c.rt(0))))
		c.also("same successor", x.answer().Refresh != "" && again.answer().Refresh == x.answer().Refresh, again)
		c.also("the session goes on", c.refreshes(x.answer().Refresh), "")
	},
	"CF-022": func(c *stage) {
		c.session(0)
		conn := must(net.Dial("tcp", c.plain))
		committed := make(chan struct{})
		c.spy.failAfter("SwapGeneration", func() error {
			conn.Close() // the client is gone when the row is written
			close(committed)
			return nil
		})
		_, err := io.WriteString(conn, post("/token", refreshForm(c.rt(0))))
		c.needNil(err)
		<-committed
		c.spy.heal()
		x := c.judge(post("/token", refreshForm(c.rt(0))))
		c.also("retry inside the window works", x.status == 200 && c.refreshes(x.answer().Refresh), x)
	},
	"CF-023": func(c *stage) {
		const slots = 2
		hasher := must(password.New(&password.Options{Concurrency: slots, Queue: 8})) // at the real costs
		path := fmt.Sprintf("/slow/%d/token", mounted.Add(1))
		c.mount(path, passbearer.TokenHandlerOptions{Passwords: hasher})
		u := c.newUser("correct-horse")
		hash, err := hasher.Hash(c.ctx, u.password)
		c.needNil(err)
		c.needNil(c.stores.Users.UpdatePasswordHash(c.ctx, u.id, must(c.stores.Users.UserByID(c.ctx, u.id)).PasswordHash, hash))
		var most atomic.Int64
		over := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Millisecond):
					most.Store(max(most.Load(), int64(hasher.Stats().Running)))
				}
			}
		})
		before := heap()
		all, _ := c.volley(slices.Repeat([]string{post(path, u.passwordForm())}, times(40, 5000)))
		close(over)
		watching.Wait()
		right := 0
		for _, x := range all {
			if x.status == 200 {
				right++
			}
		}
		// What is taken by hashes is bounded by how many run at once.
		c.also("peak RSS <= base + slots x m + 64 MiB",
			most.Load() <= slots && hasher.Stats().Hashes == uint64(right)+1 && heap() <= before+64<<20, fmt.Sprint(most.Load(),
				" at once, ", right, " right of ", hasher.Stats().Hashes))
	},
	"CF-024": func(c *stage) {
		t := c.throttle()
		requests := make([]string, times(150, 5000))
		for i := range requests {
			requests[i] = post(t.path, passwordForm(c.user().name, rand.Text()))
		}
		_, inside := c.volley(requests)
		c.also("hash evaluations <= burst", inside.hashes <= 25 && inside.hashes > 0, inside.hashes)
	},
	"CF-026": func(c *stage) {
		web := httptest.NewUnstartedServer(c.mux)
		web.Config.ReadHeaderTimeout = 300 * time.Millisecond
		web.Start()
		defer web.Close()
		addr := web.Listener.Addr().String()
		var slow sync.WaitGroup
		var closed atomic.Int64
		n := times(100, 1000)
		for range n {
			conn := must(net.Dial("tcp", addr))
			conn.SetDeadline(time.Now().Add(answerTimeout))
			slow.Go(func() {
				defer conn.Close()
				io.WriteString(conn, "GET /items HTTP/1.1\r\nHost: api\r\nX-")
				if _, err := io.ReadAll(conn); err == nil {
					closed.Add(1)
				}
			})
		}
		served, err := send(addr, get("/items", bearer(c.at())), nil)
		c.also("other clients served", err == nil && served.status == 200, served)
		slow.Wait()
		c.inputs += n
		c.also("closed by ReadHeaderTimeout", closed.Load() == int64(n), closed.Load())
	},
	"CF-028": func(c *stage) {
		c.session(1)
		before := c.at()
		c.clock.advance(time.Hour)
		c.judge(get("/items", bearer(before)))
		c.also("no token lives longer than exp + leeway by the clock", !c.lives(before), "")
		c.chain = append(c.chain, c.refresh("/token", c.rt(0)))
		ahead := c.at()
		c.clock.advance(-time.Hour)
		c.also("no token lives longer than exp + leeway by the clock", !c.lives(ahead), "a token of the future is accepted")
		c.chain = append(c.chain, c.refresh("/token", c.rt(0)))
		c.also("no family revoked by the jump alone", c.lives(c.at()), "")
	},
	"CF-029": func(c *stage) {
		token := c.jwt()
		for _, d := range []time.Duration{time.Hour, time.Minute, (leeway + 1) * time.Second} {
			c.clock.advance(-d)
			x := c.judge(get("/items", bearer(token)))
			c.clock.advance(d)
			c.also("iat future beyond leeway refused", x.status == 401, x)
		}
		c.clock.advance(-leeway * time.Second)
		defer c.clock.advance(leeway * time.Second)
		c.also("documented leeway 30 s", c.lives(token), "")
	},
	"CF-032": func(c *stage) {
		t := c.throttle()
		for _, method := range []string{"UserByName", "CreateSession"} {
			c.spy.fail(method, func() error { panic("canary-stack: a fault of the store") })
			for range 30 { // more than the throttle lets through
				x := c.judge(post(t.path, c.user().passwordForm()))
				c.also("generic JSON", x.answer().Detail == "Internal server error", x)
				c.also("no stack in the body", !strings.Contains(x.body, "goroutine") && !strings.Contains(x.body,
					".go:") && !strings.Contains(x.body, "canary-stack"), x)
			}
			c.spy.heal()
			x := c.send(post(t.path, c.user().passwordForm()))
			c.also("throttle and slot released", x.status == 200 && c.hasher.Stats().Running == 0, x)
		}
	},
	"CF-033": func(c *stage) {
		c.session(0)
		c.spy.answerUsers(func() (*passbearer.User, error) { return nil, nil })
		c.each(post("/token", c.user().passwordForm()), post("/token", refreshForm(c.rt(0))), get("/me", bearer(c.at())))
	},
	"CF-034": func(c *stage) {
		c.session(0)
		known := must(c.stores.Users.UserByID(c.ctx, c.user().id))
		nameless := *known
		nameless.ID = ""
		c.spy.answerUsers(func() (*passbearer.User, error) { return &nameless, nil })
		c.each(post("/token", c.user().passwordForm()), post("/token", refreshForm(c.rt(0))), get("/me", bearer(c.at())))
		other := *known
		other.ID = "another"
		c.spy.answerUsers(func() (*passbearer.User, error) { return &other, nil })
		c.each(post("/token", refreshForm(c.rt(0))), get("/me", bearer(c.at())))
	},
	"CF-036": func(c *stage) {
		t := c.throttleOn(throttle.Options{Store: brokenCounters{}, Secrets: [][]byte{c.secret}})
		for range 30 {
			x := c.judge(post(t.path, passwordForm(c.user().name, rand.Text())))
			c.also("never unlimited", x.hashes == 0, x)
		}
		c.judge(post(t.path, c.user().passwordForm()))
	},
	"CF-037": func(c *stage) {
		policy := password.Policy{Breached: func(context.Context, string) (bool, error) { return false, errDown }}
		for _, common := range []string{"password", "123456789012345", "passwordpassword", "short"} {
			reasons, err := policy.Check(c.ctx, common)
			c.inputs++
			c.also("documented: local list still applies", err == nil && len(reasons) > 0, common)
		}
		_, err := policy.Check(c.ctx, "quite an unusual choice")
		c.also("what the service would have to say is not taken for accepted", errors.Is(err, errDown), err)
	},
	"CF-038": func(c *stage) {
		key := func() jwttoken.Key { return must(jwttoken.GenerateKey(jwttoken.ES256)) }
		last, current := key(), key()
		keys := must(jwttoken.NewKeys(current, last))
		tokens := must(jwttoken.New(keys, issuer, audience, &jwttoken.Options{Now: c.clock.now}))
		path := fmt.Sprintf("/rotating/%d", mounted.Add(1))
		c.mux.Handle(path, passbearer.NewGuard(tokens, &passbearer.GuardOptions{Observer: c.book}).HandlerFunc(c.record))
		var issued []string
		for range 20 {
			token, err := tokens.IssueToken(c.ctx, passbearer.Claims{Subject: "u1"})
			c.needNil(err)
			issued = append(issued, token)
			var rotating sync.WaitGroup
			rotating.Go(func() {
				last, current = current, key()
				if err := keys.Set(current, last); err != nil {
					panic(err)
				}
			})
			all, _ := c.volley(slices.Repeat([]string{get(path, bearer(token))}, times(10, 50)))
			rotating.Wait()
			for _, x := range all {
				c.also("0 false 401 inside the overlap", x.status == 200, x)
			}
			if n := len(issued); n > 1 {
				c.also("two rotations later it is over", c.send(get(path, bearer(issued[n-2]))).status == 401, "")
			}
		}
	},

	"CFX-01": func(c *stage) { // each call of a store fails, on each endpoint
		c.everywhere(func(method string) { c.spy.fail(method, func() error { return fmt.Errorf("%s: %w", method, errDown) }) })
	},
	"CFX-02": func(c *stage) { // and panics
		c.everywhere(func(method string) { c.spy.fail(method, func() error { panic(errDown) }) })
	},
	"CFX-03": func(c *stage) { // a store that wants to answer in our name
		refusal := &passbearer.Error{StatusCode: 200, ErrorCode: "invalid_grant", ErrorDescription: "canary-description",
			Scheme: "Bearer"}
		c.everywhere(func(method string) { c.spy.fail(method, func() error { return fmt.Errorf("x: %w", refusal) }) })
	},
}

// everywhere judges a request for each call of the stores, broken by f.
func (c *stage) everywhere(f func(method string)) {
	for method, requests := range map[string][]string{
		"UserByName":     {post("/token", c.user().passwordForm()), post("/token", passwordForm("nobody", "x"))},
		"CreateSession":  {post("/token", c.user().passwordForm())},
		"SessionByID":    {post("/token", c.fill(refreshForm(c.rt(0)))), post("/revoke", form("token", c.rt(0)))},
		"UserByID":       {post("/token", refreshForm(c.rt(0)))},
		"SwapGeneration": {post("/token", refreshForm(c.rt(0)))},
		"EndSession":     {post("/revoke", form("token", c.rt(0)))},
		"ClientByID": {post("/clients/token", c.user().passwordForm("client_id", clientPhone)), post("/clients/revoke",
			form("token", "x", "client_id", clientPhone))},
	} {
		for _, request := range requests {
			f(method)
			x := c.judge(request)
			c.also("nothing of the cause is told", !strings.Contains(x.body, "canary"), x)
			c.spy.heal()
		}
	}
	c.need(c.refreshes(c.rt(0)), "the session did not outlive the faults")
}

// brokenCounters is a throttle's store that is down.
type brokenCounters struct{}

func (brokenCounters) ReserveAttempt(context.Context, []throttle.Take) ([]time.Duration, error) {
	return nil, errDown
}
func (brokenCounters) RefundAttempt(context.Context, []throttle.Take) error { return errDown }
