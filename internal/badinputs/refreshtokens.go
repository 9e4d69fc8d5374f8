package badinputs

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

var errDown = errors.New("canary-cause: db-7 is down")

var refreshTokens = cases{
	"RT-003": func(c *stage) {
		good := c.rt(0)
		n := times(500, 100_000)
		requests := make([]string, n)
		for i := range requests {
			requests[i] = post("/token", refreshForm(guess(good, i)))
		}
		for part := range slices.Chunk(requests, 50) {
			_, inside := c.volley(part)
			c.also("0 store writes", len(inside.stores) == 0, inside.stores)
		}
	},
	"RT-005": func(c *stage) {
		good := c.rt(0)
		for n := 0; n < len(good); n++ {
			c.refused(good[n:]+good[:n]+"A", good[:max(1, n)])
		}
		for _, bad := range []string{good + "=", good + "==", good + "\n", good + "\r\n", good + " ", " " + good, "\n" + good,
			good[:20] + "\n" + good[20:], good[:20] + " " + good[21:], good + good, good + "." + good, good + "A", "A" + good,
			strings.ToUpper(good), strings.ToLower(good), "Bearer " + good, quote(good), b64(good), good + "%", good + "\u200b"} {
			c.refused(bad)
		}
		c.need(c.refreshes(good), "the token is no longer good")
	},
	"RT-008": func(c *stage) {
		u := c.user()
		for _, other := range []struct {
			issuer string
			secret []byte
		}{{issuer + "/", c.secret}, {"https://other.example", c.secret}, {issuer, []byte(rand.Text() + rand.Text())}, {issuer,
			c.secret[1:]}} {
			c.refused(c.elsewhere(u, other.issuer, other.secret, "first-party"))
		}
		c.refused(c.elsewhere(u, issuer, c.secret, "other"))
	},
	"RT-010": func(c *stage) {
		c.session(1)
		for _, past := range []time.Duration{passbearer.DefaultIdleLifetime, passbearer.DefaultIdleLifetime + time.Second,
			1000 * time.Hour} {
			c.asOf(func(row *passbearer.Session) time.Time { return row.LastUsedAt.Add(past) })
			c.refused(c.rt(0), c.rt(1))
		}
		c.asOf(func(row *passbearer.Session) time.Time { return row.CreatedAt.Add(passbearer.DefaultSessionLifetime) })
		c.refused(c.rt(0))
		c.spy.heal()
		c.need(c.refreshes(c.rt(0)), "the token is refused before its time")
	},
	"RT-012": func(c *stage) {
		c.session(2)
		c.need(c.send(post("/revoke", form("token", c.rt(0)))).status == 200, "log out")
		c.refused(c.rt(0), c.rt(1), c.rt(2))
		for _, generation := range []int{0, 1, 2} { // whichever is revoked
			c.session(2)
			c.need(c.send(post("/revoke", form("token", c.rt(generation)))).status == 200, "log out")
			c.refused(c.rt(0))
		}
	},
	"RT-013": func(c *stage) {
		c.session(1)
		other := c.signIn(c.user())
		c.needNil(c.sessions.ChangePassword(c.ctx, c.user().id, c.user().password, "another password"))
		c.refused(c.rt(0), c.rt(1), other.Refresh)
	},
	"RT-014": func(c *stage) {
		c.session(1)
		forged := c.send(post("/token", refreshForm("x")))
		c.needNil(second(c.stores.Users.SetDisabled(c.ctx, c.user().id, true)))
		for _, token := range []string{c.rt(0), c.rt(1)} {
			x := c.judge(post("/token", refreshForm(token)))
			c.also("same body as any invalid_grant", x.body == forged.body && sameHeader(x, forged), x)
		}
		c.needNil(second(c.stores.Users.SetDisabled(c.ctx, c.user().id, false)))
		c.refused(c.rt(0)) // enabled again, but signed out
		c.session(0)
		c.spy.changeUser(func(u *passbearer.User) { u.Disabled = true }) // by a store that leaves the epoch alone
		c.refused(c.rt(0))
	},
	"RT-015": func(c *stage) {
		c.session(1)
		c.hide(c.user())
		c.refused(c.rt(0), c.rt(1))
	},
	"RT-016": func(c *stage) {
		throttled := c.throttle()
		session := c.signInAt(throttled.path, c.user())
		c.exhaust(throttled, c.user().name)
		x := c.judge(post(throttled.path, refreshForm(session.Refresh)))
		c.also("throttling of passwords must not end live sessions", c.lives(session.Access) && c.lives(x.answer().Access), x)
	},
	"RT-018": func(c *stage) {
		for _, scope := range []string{"read write admin", "admin", "read admin", "READ", "read2", "unknown"} {
			x := c.judge(post("/token", refreshForm(c.rt(0), "scope", scope)))
			c.also("{RT} not consumed", !slices.Contains(x.stores, "SwapGeneration"), x)
		}
		c.need(c.refreshes(c.rt(0)), "the token is no longer good")
	},
	"RT-020": func(c *stage) {
		c.session(1)
		c.age(passbearer.DefaultGrace + time.Second)
		x := c.judge(post("/token", refreshForm(c.rt(1))))
		c.also("1 security event", len(x.events) == 1 && x.events[0].Kind == passbearer.EventRefreshTokenStolen, x.events)
		c.spy.heal()
		c.also("family revoked: {RT} then fails and its {AT} are refused where the check is on",
			!c.refreshes(c.rt(0)) && !c.lives(c.chain[0].Access) && !c.lives(c.at()), x)
	},
	"RT-021": func(c *stage) {
		c.sessionAt("/nograce/token", 1)
		c.judge(post("/nograce/token", refreshForm(c.rt(1))))
		c.familyRevoked("/nograce/token")
	},
	"RT-022": func(c *stage) {
		c.session(1)
		for range 3 {
			x := c.judge(post("/token", refreshForm(c.rt(1))))
			c.also("SAME successor as the first answer", x.answer().Refresh == c.rt(0), x)
		}
		next := c.refresh("/token", c.rt(0))
		c.also("families with 2 live heads = 0", next.Refresh != c.rt(0) && c.refresh("/token", c.rt(0)).Refresh == next.Refresh,
			"")
	},
	"RT-023": func(c *stage) {
		c.session(2)
		c.judge(post("/token", refreshForm(c.rt(2))))
		c.familyRevoked("/token")
	},
	"RT-024": func(c *stage) {
		for back := 2; back <= 5; back++ {
			c.session(back)
			c.judge(post("/token", refreshForm(c.rt(back))))
			c.familyRevoked("/token")
		}
	},
	"RT-025": func(c *stage) {
		for _, past := range []time.Duration{time.Millisecond, time.Second} {
			c.session(1)
			c.age(passbearer.DefaultGrace + past)
			c.judge(post("/token", refreshForm(c.rt(1))))
			c.spy.heal()
			c.familyRevoked("/token")
		}
	},
	"RT-026": func(c *stage) {
		c.session(2)
		c.age(0) // all of it at one instant
		c.judge(post("/token", refreshForm(c.rt(2))))
		c.spy.heal()
		c.also("generation is a counter, not a timestamp", !c.refreshes(c.rt(0)), "")
	},
	"RT-027": func(c *stage) {
		c.session(1)
		c.age(passbearer.DefaultGrace + time.Second)
		restarted := c.restart()
		x := c.judge(post(restarted, refreshForm(c.rt(1))))
		c.spy.heal()
		c.also("reuse state survives restart",
			!c.refreshes(c.rt(0)) && c.send(post(restarted, refreshForm(c.rt(0)))).status == 400, x)
	},
	"RT-028": func(c *stage) {
		c.session(1)
		c.spy.fail("SessionByID", func() error { return fmt.Errorf("pruned: %w", passbearer.ErrSessionNotFound) })
		x := c.judge(post("/token", refreshForm(c.rt(1))))
		c.refused(c.rt(0))
		c.also("family still revoked (family id is inside the token)", !slices.Contains(x.stores,
			"SwapGeneration") && !slices.Contains(x.stores, "CreateSession"), x.stores)
	},
	"RT-034": func(c *stage) {
		x := c.judge(post("/token", refreshForm(c.elsewhere(c.user(), issuer, c.secret, "first-party"))))
		c.also("no family created", slices.Equal(x.stores, []string{"SessionByID"}), x.stores)
	},
	"RT-035": func(c *stage) {
		for lost := 2; lost <= 4; lost++ {
			c.session(lost)
			id := c.sid()
			_, swapped, err := c.stores.Sessions.SwapGeneration(c.ctx, id, int64(lost), 0) // as a failover leaves it
			c.need(err == nil && swapped, "lose rotations: %v", err)
			c.judge(post("/token", refreshForm(c.rt(0))))
			row, err := c.stores.Sessions.SessionByID(c.ctx, id)
			c.also("never two live heads", err == nil && !row.Live() && !c.refreshes(c.rt(1)) && !c.refreshes(c.rt(lost)), row)
		}
	},
	"RT-036": func(c *stage) {
		request := post("/token", refreshForm(c.rt(0)))
		first := c.judge(request)
		for range 5 {
			x := c.judge(request)
			c.also("same successor inside the window", x.answer().Refresh == first.answer().Refresh && x.answer().Refresh != "", x)
		}
	},
	"RT-037": func(c *stage) {
		c.session(2)
		c.inputs++
		for _, row := range c.spy.created(c.user().id) {
			for _, text := range []string{row.ID, row.UserID, row.ClientID, row.Extra, fmt.Sprintf("%+v", row),
				fmt.Sprintf("%s.%s.%d", row.ID, row.UserID, row.Generation), b64(row.ID)} {
				if text != "" {
					x := c.send(post("/token", refreshForm(text)))
					c.also("0 rows usable as a token (only keyed hashes)", x.status == 400 && c.send(post("/revoke", form("token",
						text))).status == 200 && c.send(get("/extracted?"+form("t", text))).status == 401, x)
					for _, token := range c.chain {
						c.also("0 rows usable as a token (only keyed hashes)", !strings.Contains(text,
							token.Refresh) && !strings.Contains(text, token.Access), "a token is in the row")
					}
				}
			}
		}
		c.need(c.lives(c.at()), "a row could be used to end the session")
	},
	"RT-038": func(c *stage) {
		forged := c.judge(post("/token", refreshForm(guess(c.rt(0), 0))))
		unknown := c.judge(post("/token", refreshForm(c.elsewhere(c.user(), issuer, c.secret, "first-party"))))
		c.session(2)
		reused := c.judge(post("/token", refreshForm(c.rt(2))))
		revoked := c.judge(post("/token", refreshForm(c.rt(0))))
		for _, x := range []*exchange{unknown, reused, revoked} {
			c.also("difference below the stated bound", x.body == forged.body && sameHeader(x, forged), x)
		}
	},
	"RT-039": func(c *stage) {
		for _, token := range []string{"unknown", guess(c.rt(0), 1), c.rt(0) + "A", c.jwt(), "%", "' OR 1=1 --", strings.Repeat("x",
			60<<10), c.elsewhere(c.user(), issuer, c.secret, "first-party"), "\n", "🔑"} {
			x := c.judge(post("/revoke", form("token", token)))
			c.also("application/json, body {}", isTokenAnswer(x) && x.body == "{}\n", x)
		}
		c.need(c.lives(c.at()), "a session was ended")
	},
	"RT-040": func(c *stage) {
		for _, hint := range []string{"access_token", "id_token", "x", "", "refresh_token", "REFRESH_TOKEN", strings.Repeat("h",
			1000), "🔑"} {
			c.session(0)
			x := c.judge(post("/revoke", form("token", c.rt(0), "token_type_hint", hint)))
			c.also("token revoked all the same", !c.refreshes(c.rt(0)), x)
		}
	},
	"RT-041": func(c *stage) {
		c.session(0)
		c.need(c.lives(c.at()), "the token is refused before")
		c.need(c.send(post("/revoke", form("token", c.rt(0)))).status == 200, "revoke")
		c.each(get("/items", bearer(c.at())), get("/me", bearer(c.at())))
	},
	"RT-042": func(c *stage) {
		for _, method := range []string{"SessionByID", "EndSession"} {
			c.session(0)
			c.spy.fail(method, func() error { return errDown })
			c.judge(post("/revoke", form("token", c.rt(0))))
			c.spy.heal()
			c.need(c.refreshes(c.rt(0)), "the session ended all the same")
		}
	},
	"RT-043": func(c *stage) {
		asA, asB := basic(clientA, secretOf(clientA)), basic(clientB, secretOf(clientB))
		live, over := c.signInAt("/clients/token", c.user(), asA), c.signInAt("/clients/token", c.user(), asA)
		own := []string{"client_id", quote(clientA)}
		c.need(strings.Contains(c.send(post("/clients/introspect", form("token", c.jwt(own...)), asA)).body, `"active":true`), "a good token")
		c.need(c.send(post("/clients/revoke", form("token", over.Refresh), asA)).status == 200, "sign out")
		for client, tokens := range map[string][]string{
			asA: {"x", "%", "\n", "🔑", live.Access + "A", live.Refresh + "A", live.Refresh[1:], strings.Repeat("x", 60<<10), // garbage
				over.Access, over.Refresh, // revoked
				c.jwt(append(own, "exp", c.in(-31))...), c.jwt(append(own, "nbf", c.in(31))...), // expired, not yet valid
				c.jwt(append(own, "iss", `"https://other.example"`)...), c.jwt(append(own, "aud", `"other"`)...), c.jwt(), c.rt(0), c.at()}, // foreign
			asB: {live.Access, live.Refresh},
		} {
			for _, token := range tokens {
				x := c.judge(post("/clients/introspect", form("token", token), client))
				c.also(`exactly {"active":false}`, x.body == `{"active":false}`+"\n", x)
			}
		}
		for _, token := range []string{live.Access, live.Refresh} {
			c.need(strings.Contains(c.send(post("/clients/introspect", form("token", token), asA)).body, `"active":true`), "its own client's")
		}
	},

	"RTX-01": func(c *stage) { // the grace window, from inside
		for _, age := range []time.Duration{0, time.Second, passbearer.DefaultGrace} {
			c.session(1)
			c.age(age)
			x := c.judge(post("/token", refreshForm(c.rt(1))))
			c.also("the same successor", x.answer().Refresh == c.rt(0), x)
			c.spy.heal()
		}
		c.session(3)
		c.judge(post("/token", refreshForm(c.rt(0), "scope", "read")))
		c.session(1)
		id := c.sid()
		_, swapped, err := c.stores.Sessions.SwapGeneration(c.ctx, id, 1, 0)
		c.need(err == nil && swapped, "lose a rotation: %v", err)
		c.judge(post("/token", refreshForm(c.rt(0)))) // which heals
		c.asOf(func(row *passbearer.Session) time.Time {
			return row.LastUsedAt.Add(passbearer.DefaultIdleLifetime - time.Millisecond)
		})
		c.session(0)
		c.judge(post("/token", refreshForm(c.rt(0))))
	},
	"RTX-02": func(c *stage) { // every bit of a token
		good := c.rt(0)
		for i := range good {
			at := strings.IndexByte(base64url, good[i])
			for bit := range 6 {
				c.refused(good[:i] + string(base64url[at^1<<bit]) + good[i+1:])
			}
		}
		c.need(c.refreshes(good), "the token is no longer good")
	},
	"RTX-03": func(c *stage) { // what is no refresh token at all
		for _, token := range []string{c.at(), c.jwt(), "x", "null", "undefined", "0", ".", strings.Repeat("A", 103),
			strings.Repeat("A", 104), strings.Repeat("_", 103), strings.Repeat("A", 60<<10), "' OR 1=1 --", "🔑", "a b", c.sid(),
			c.user().id} {
			c.refused(token)
		}
	},
	"RTX-04": func(c *stage) { // and none
		c.each(post("/token", "grant_type=refresh_token"), post("/token", "grant_type=refresh_token&refresh_token="), post("/token",
			form("grant_type", "refresh_token", "token", c.rt(0))), post("/token", form("grant_type", "refresh_token",
			"Refresh_token", c.rt(0))), post("/token", "grant_type=refresh_token&refresh_token=%ff"), post("/token",
			refreshForm(c.rt(0))+"&"+form("refresh_token", c.rt(0))), post("/token?"+form("refresh_token", c.rt(0)),
			"grant_type=refresh_token"))
		c.need(c.refreshes(c.rt(0)), "the token is no longer good")
	},
	"RTX-05": func(c *stage) { // many at once: one successor, and one session
		c.session(0)
		requests := slices.Repeat([]string{post("/token", refreshForm(c.rt(0)))}, times(50, 1000))
		all, inside := c.volley(requests)
		for _, x := range all {
			c.also("same successor", x.answer().Refresh == all[0].answer().Refresh && x.answer().Refresh != c.rt(0), x)
		}
		c.also("the session goes on", c.refreshes(all[0].answer().Refresh), inside)
	},
	"RTX-06": func(c *stage) { // a thief and the owner at once, outside of the window: nobody keeps it
		c.session(1)
		c.age(passbearer.DefaultGrace + time.Second)
		c.volley(slices.Repeat([]string{post("/token", refreshForm(c.rt(1)))}, 20))
		c.spy.heal()
		c.familyRevoked("/token")
	},
	"RTX-07": func(c *stage) { // the row is given to somebody else
		other := c.newUser("correct-horse-" + rand.Text())
		for _, change := range []func(*passbearer.Session){
			func(row *passbearer.Session) { row.UserID = other.id },
			func(row *passbearer.Session) { row.ClientID = "other" },
			func(row *passbearer.Session) { row.Epoch++ },
			func(row *passbearer.Session) { row.EndedAt = time.Now() },
			func(row *passbearer.Session) { row.JKT = "bound" },
		} {
			c.session(0)
			c.spy.change(change)
			c.refused(c.rt(0))
			c.spy.heal()
		}
	},
}

// refused judges refresh tokens.
func (c *stage) refused(tokens ...string) {
	for _, token := range tokens {
		c.judge(post("/token", refreshForm(token)))
	}
}

// guess begins as a good token does, for up to all of its bytes but 16, and goes on
// at random.
func guess(good string, n int) string {
	raw := must(base64.RawURLEncoding.DecodeString(good))
	rand.Read(raw[n%(len(raw)-16):])
	return base64.RawURLEncoding.EncodeToString(raw)
}

// elsewhere is a refresh token of u from another store, and perhaps of other keys.
func (c *stage) elsewhere(u *user, issuer string, secret []byte, client string) string {
	store := memstore.New(passbearer.User{ID: u.id, Name: u.name, Scope: scopes})
	sessions := passbearer.NewSessions(store, store, must(passbearer.NewRefreshKeys(issuer, secret)),
		&passbearer.SessionsOptions{Observer: c.book})
	handler := passbearer.NewTokenHandler(anyPassword{store}, c.tokens, &passbearer.TokenHandlerOptions{Sessions: sessions,
		ClientID: client, Observer: c.book, Now: c.clock.now, InsecureSkipThrottling: true})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, c.read(post("/token", u.passwordForm())))
	a, _ := readAnswer(w.Body.String())
	c.need(a.Refresh != "", "no refresh token from elsewhere: %d", w.Code)
	return a.Refresh
}

type anyPassword struct{ *memstore.Store }

func (anyPassword) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

// asOf lets the store's clock say something else of rows.
func (c *stage) asOf(now func(*passbearer.Session) time.Time) {
	c.spy.change(func(row *passbearer.Session) { row.AsOf = now(row) })
}

// age is the time since a row's generation has changed.
func (c *stage) age(d time.Duration) {
	c.asOf(func(row *passbearer.Session) time.Time { return row.LastUsedAt.Add(d) })
}

// familyRevoked looks at the session after a theft.
func (c *stage) familyRevoked(path string) {
	c.also("family revoked", c.send(post(path, refreshForm(c.rt(0)))).status == 400 && !c.lives(c.at()), "the session lives on")
}

// sid is the id of the session.
func (c *stage) sid() string {
	claims, err := c.server.tokens.VerifyToken(c.ctx, c.at())
	c.needNil(err)
	return claims.SessionID
}

// restart mounts the endpoint as another process has it: with nothing but the
// stores and the keys.
func (c *stage) restart() (path string) {
	path = fmt.Sprintf("/restarted/%d/token", mounted.Add(1))
	c.mount(path, passbearer.TokenHandlerOptions{Sessions: c.sessionsOf(0, newRevocations())})
	return path
}
