package badinputs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

const sameAsWrong = "same status, body, headers, store calls and hash work as wrong password"

var passwordsUsernames = cases{
	"PU-003": func(c *stage) { c.disabled() },
	"PU-004": func(c *stage) { c.disabled() }, // there is one way to shut somebody out
	"PU-005": func(c *stage) { c.likeWrong(c.userWith("").name, "", "x", c.user().password) },
	"PU-006": func(c *stage) {
		for _, marker := range []string{"!", "*", "x", "!!", "*LK*", "{SSHA}x", "unusable", " ", "!" + strings.Repeat("a", 40)} {
			c.likeWrong(c.userWith(marker).name, marker, "!", "")
		}
	},
	"PU-008": func(c *stage) {
		wrong := c.send(post("/token", passwordForm(c.user().name, "wrong")))
		for _, old := range []password.Params{{Memory: 8, Time: 1, Threads: 1}, {Memory: 16, Time: 1, Threads: 1}, {Memory: 60,
			Time: 1, Threads: 1}, {Memory: 16, Time: 2, Threads: 1}} {
			hasher := must(password.New(&password.Options{Params: old}))
			u := c.userWith(must(hasher.Hash(c.ctx, "old password")))
			x := c.judge(post("/token", passwordForm(u.name, "wrong")))
			c.also("work topped up to the current policy", x.body == wrong.body && x.work >= wrong.work && x.work < wrong.work+16,
				fmt.Sprint(x.work, " and ", wrong.work))
		}
	},
	"PU-010": func(c *stage) {
		c.likeWrong("nobody-at-all", "x", "y")
		u := c.newUser("correct-horse")
		wrong := c.send(post("/token", passwordForm(c.user().name, "wrong")))
		c.hide(u)
		x := c.judge(post("/token", u.passwordForm()))
		c.spy.heal()
		c.also(sameAsWrong, same(x, wrong), x)
	},
	"PU-013": func(c *stage) {
		const first = 72
		for _, n := range []int{73, 100, 1024} {
			good := strings.Repeat("a", first) + strings.Repeat("b", n-first)
			u := c.newUser(good)
			for _, other := range []string{good[:first], good[:first] + strings.Repeat("c", n-first), good[:len(good)-1],
				good[:len(good)-1] + "c", good[:first] + "\t", good[:first] + " " + good[first:]} {
				if other != good && len(other) <= password.MaxLength {
					c.judge(post("/token", passwordForm(u.name, other)))
				}
			}
			c.also("no truncation", c.send(post("/token", u.passwordForm())).status == 200, "the right password is refused")
		}
	},
	"PU-014": func(c *stage) {
		first, path := strings.Repeat("a", 72), c.importing()
		u := c.userWith(bcryptOf(first))
		c.each(post(path, passwordForm(u.name, first+"b")), post(path, passwordForm(u.name, first+strings.Repeat("b", 100))),
			post(path, passwordForm(u.name, first+" ")), post(path, passwordForm(u.name, first[1:])))
		x := c.send(post(path, passwordForm(u.name, first)))
		c.also("Go bcrypt.Compare accepts it: check length first", x.status == 200, x)
	},
	"PU-016": func(c *stage) {
		for plain, compatible := range map[string]string{"ffi": "\ufb03", "fi": "\ufb01", "2": "\u00b2", "1": "\u2460",
			"H": "\u210c", "a": "\uff41", "IV": "\u2163", "TM": "\u2122", "1/2": "\u00bd", " ": "\u00a0", "s": "\u017f",
			"...": "\u2026", "\u30ab": "\uff76"} {
			u := c.newUser("correct" + plain + "horse")
			c.each(post("/token", passwordForm(u.name, "correct"+compatible+"horse")))
			v := c.newUser("correct" + compatible + "horse")
			c.each(post("/token", passwordForm(v.name, "correct"+plain+"horse")))
		}
	},
	"PU-018": func(c *stage) {
		long := strings.Repeat("\ufdfa", 350_000)
		for _, body := range []string{passwordForm(c.user().name, long), passwordForm(long, "x"),
			"grant_type=password&username=" + c.user().name + "&password=" + long} {
			x := c.judge(post("/token", body))
			c.also("not normalised (18x growth under NFKC)", x.read == 0 && x.hashes == 0, x)
		}
	},
	"PU-019": func(c *stage) {
		for _, bad := range []string{"\xff", "a\xc3", "\xe2\x82", strings.Repeat("\x80", 1024), "\xf0\x9f\x92", "e\u0301\xcc",
			"\xed\xa0\x80"} {
			_, err1 := passbearer.CanonicalName(bad)
			_, err2 := c.hasher.Hash(c.ctx, bad)
			_, _, err3 := c.hasher.Verify(c.ctx, bad, must(c.hasher.Hash(c.ctx, "x")))
			_, err4 := passbearer.NewUser(c.ctx, bad, "x", "")
			c.inputs++
			c.also("returns an error", err1 != nil && errors.Is(err2, password.ErrPassword) && errors.Is(err3,
				password.ErrPassword) && err4 != nil, bad)
		}
	},
	"PU-022": func(c *stage) {
		u := c.user()
		wide := strings.Map(func(r rune) rune { return r + 0xfee0 }, u.name)
		c.each(post("/token", passwordForm(wide, u.password)), post("/token", passwordForm(strings.ToUpper(wide), u.password)),
			post("/token", passwordForm(wide[:3]+u.name[1:], u.password)))
		t := c.throttle()
		c.exhaust(t, wide)
		x := c.send(post(t.path, u.passwordForm()))
		c.also("maps to admin in store and bucket alike, or is unknown in both", x.status == 200, x)
	},
	"PU-023": func(c *stage) {
		c.lookalikes(map[string]string{"a": "\u0430", "d": "\u0501", "m": "\u217f", "i": "\u0456", "n": "\u0578",
			"admin": "\u0430dmin", "ad": "\u00e4d", "min": "m\u0131n", "-": "\u2010"})
	},
	"PU-025": func(c *stage) {
		c.lookalikes(map[string]string{"i": "\u0130", "in": "\u0131n", "admin": "ADM\u0130N", "dmi": "dm\u0131"})
	},
	"PU-026": func(c *stage) {
		u := c.user()
		c.each(post("/token", passwordForm(u.name+"\x00", u.password)), post("/token", passwordForm("\x00"+u.name, u.password)),
			post("/token", passwordForm(u.name+"\x00x", u.password)), post("/token", passwordForm(u.name[:4]+"\x00"+u.name[4:],
				u.password)))
		for _, name := range []string{u.name + "\x00", u.name + "\x00x"} {
			_, err := c.stores.Users.UserByName(c.ctx, name)
			c.also("no truncation in any store", errors.Is(err, passbearer.ErrUserNotFound), err)
		}
	},
	"PU-029": func(c *stage) {
		for _, name := range []string{"a\r\nlevel=info msg=login_ok", "a\nlevel=info", "a\u2028level=info", "a\u0085level=info",
			c.user().name + "\r\nx: y", "\"\nlevel=info", `a\nlevel=info`, "a\rlevel=info"} {
			x := c.judge(post("/token", passwordForm(name, c.user().password)))
			c.also("log stays one line (escaped)", strings.Count(x.log, "\n") == len(x.events) && !strings.Contains(x.log,
				"level=info msg=login_ok"), x.log)
		}
	},
	"PU-030": func(c *stage) {
		for _, name := range []string{"\x1b[2J", "a\x1b]0;x\x07", "\u009b2J", "a\b\b\b", "\u202ea", "\x7f", "\x1bc", "\x07"} {
			x := c.judge(post("/token", passwordForm(name, c.user().password)))
			c.also("log escaped", !strings.ContainsAny(x.log, "\x1b\x07\b\u009b\u202e\x7f"), x.log)
		}
	},
	"PU-031": func(c *stage) {
		const canary = "canary-4f1d9c7e2b"
		u := c.newUser(canary + "-password")
		wrong := post("/token", passwordForm(u.name, canary+"-wrong"))
		inputs := []string{wrong, post("/token", passwordForm(canary, canary)), post("/token", passwordForm(u.name, canary+"\xff")),
			post("/token", u.passwordForm("scope", canary+`"`)), post("/token?password="+canary, ""), post("/token",
				"password="+canary+"%zz"), post("/token", u.passwordForm()+"&password="+canary), post("/clients/token",
				u.passwordForm("client_id", canary, "client_secret", canary)), post("/clients/token", u.passwordForm(),
				basicRaw(canary+":"+canary)), post("/token", refreshForm(canary)), post("/revoke", form("token", canary)), get("/items",
				bearer(canary)), get("/items", "Authorization: "+canary), get("/items?access_token="+canary, bearer(canary)),
			get("/extracted?t=" + canary), request("POST", "/token", canary, "Content-Type: "+canary), request(canary, "/token",
				""), post("/token", u.passwordForm(canary, canary))}
		judge := func() {
			for _, r := range inputs {
				x := c.judge(r)
				c.also("0 hits for a canary over the whole run", !mentions(x, canary), x)
			}
		}
		judge()
		for _, method := range []string{"UserByName", "UserByID", "CreateSession", "SessionByID", "SwapGeneration", "EndSession",
			"ClientByID"} {
			c.spy.fail(method, func() error { return errors.New("down") })
			judge()
			c.spy.heal()
			c.spy.fail(method, func() error { panic("the store has a fault") })
			judge()
			c.spy.heal()
		}
	},
	"PU-032": func(c *stage) {
		defer c.clock.advance(-30 * 24 * time.Hour)
		t := c.throttleOn(throttle.Options{Now: c.clock.now}) // in memory: a month passes
		names := []string{c.user().name, "nobody-at-all"}
		for _, name := range names {
			c.exhaust(t, name)
		}
		var first *exchange
		for i := 26; i <= 101; i++ {
			for _, name := range names {
				x := c.judge(post(t.path, passwordForm(name, rand.Text())))
				if first == nil {
					first = x
				}
				c.also("same for unknown names", same(x, first) && x.hashes == 0, x)
			}
		}
		guesses := uint64(25)
		for range 30 * 24 / 5 {
			c.clock.advance(5 * time.Hour)
			guesses += c.send(post(t.path, passwordForm(c.user().name, rand.Text()))).hashes
		}
		c.also("<= 100 guesses in 30 days without success", guesses <= 100 && guesses > 90, guesses)
	},
	"PU-033": func(c *stage) {
		t := c.throttle()
		var requests []string
		for range 200 {
			requests = append(requests, post(t.path, passwordForm(c.user().name, rand.Text())))
		}
		_, inside := c.volley(requests)
		c.also("hash evaluations <= limit (attempt reserved before hashing)", inside.hashes <= 25 && inside.hashes > 0,
			inside.hashes)
	},
	"PU-036": func(c *stage) {
		t := c.throttle()
		c.exhaust(t, c.user().name)
		other := c.newUser("correct-horse")
		for range 5 {
			c.need(c.send(post(t.path, other.passwordForm())).status == 200, "sign in to the other account")
			c.judge(post(t.path, passwordForm(c.user().name, rand.Text())))
			c.judge(post(t.path, c.user().passwordForm()))
		}
	},
	"PU-039": func(c *stage) {
		t := c.throttle()
		c.exhaustAddress(t)
		for _, line := range []string{"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "Forwarded: for=203.0.113.7",
			"X-Forwarded-For: 203.0.113.7, 198.51.100.1", "True-Client-IP: 203.0.113.7", "CF-Connecting-IP: 203.0.113.7",
			"X-Client-IP: 203.0.113.7", "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.8",
			"Forwarded: for=\"[2001:db8::1]:1234\"", "X-Cluster-Client-IP: 203.0.113.7", "Fastly-Client-IP: 203.0.113.7",
			"X-Forwarded-For:", "Via: 1.1 203.0.113.7"} {
			x := c.judge(post(t.path, passwordForm("nobody-"+rand.Text(), rand.Text()), line))
			c.also("header ignored", x.hashes == 0, x)
		}
	},
	"PU-040": func(c *stage) {
		t := c.throttle()
		c.exhaust(t, c.user().name)
		before := heap()
		for i := range times(500, 1_000_000) {
			r := must(http.NewRequest("POST", t.path, nil))
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1234", i>>16&0xff, i>>8&0xff, i&0xff)
			_, err := t.limiter.Reserve(c.ctx, throttle.Attempt{Request: r, Account: fmt.Sprintf("flood-%d", i)})
			c.need(err == nil || errors.As(err, new(*throttle.Exceeded)), "%v", err)
		}
		x := c.judge(post(t.path, c.user().passwordForm()))
		c.also("victim counter kept", x.hashes == 0, x)
		c.also("memory <= stated bound", heap() < before+12<<20, heap()-before) // 8 MiB, and what else lives
	},
	"PU-043": func(c *stage) {
		for n := range 15 {
			c.chosen(password.ReasonTooShort, strings.Repeat("xq7", 5)[:n])
		}
		c.chosen(password.ReasonTooShort, strings.Repeat("\u00e9", 14), "e\u0301correct horse", "🔑🔒🔐🔓🗝️🔏🛡️")
	},
	"PU-045": func(c *stage) {
		c.chosen(password.ReasonContext, c.user().name, strings.ToUpper(c.user().name), "passbearer service", "Passbearer-Service",
			"passbearerpassbearer")
		c.chosen(password.ReasonRepetitive, strings.Repeat("a", 15), strings.Repeat("z", 64), strings.Repeat("é", 20),
			strings.Repeat("🔑", 15), strings.Repeat("ab", 10), "abcdefghijklmnopq", "123456789012345")
	},
	"PU-046": func(c *stage) {
		t, u := c.throttle(), c.user()
		counted := errors.New("none yet")
		for range 26 {
			counted = t.handler.ChangePassword(c.ctx, u.id, rand.Text(), "another password")
			c.rejects("a wrong current password", counted)
		}
		var e *passbearer.Error
		c.also("counts as a failed attempt", errors.As(counted, &e) && e.StatusCode == http.StatusTooManyRequests, counted)
		c.rejects("the right one, when attempts are used up", t.handler.ChangePassword(c.ctx, u.id, u.password, "another password"))
		c.need(c.send(post("/token", u.passwordForm())).status == 200, "the password was changed")
		for _, bad := range []string{"", strings.Repeat("x", 1025), "\xff"} {
			c.rejects("a password that can't be one", c.sessions.ChangePassword(c.ctx, u.id, u.password, bad))
		}
	},
	"PU-047": func(c *stage) {
		for _, good := range []string{"xkvqzjwpfhtbmgd", "correcthorsebat", "qpwoeirutyalskd", "zebra crossing at",
			"éèêëēėęàâäáãåāô", strings.Repeat("correct horse battery staple ", 30)} {
			reasons, err := policy.Check(c.ctx, good, c.user().name)
			c.inputs++
			if len(reasons) > 0 || err != nil {
				c.denied++
			}
			c.also("no composition rule", len(reasons) == 0 && err == nil, fmt.Sprint(good, reasons, err))
		}
	},
	"PU-048": func(c *stage) {
		for _, n := range []int{64, 1024, 1, 8, 72, 73, 1023} {
			c.judge(post("/token", c.newUser(strings.Repeat("x", n)).passwordForm()))
		}
		c.judge(post("/token", c.newUser(strings.Repeat("\u00e9", 512)).passwordForm()))
	},
	"PU-050": func(c *stage) {
		for composed, apart := range map[string]string{"\u00e9": "e\u0301", "\u00c5": "A\u030a", "\uac00": "\u1100\u1161",
			"\u1e69": "s\u0307\u0323", "\u2126": "\u03a9", "\u212b": "\u00c5", "\u212a": "K"} {
			c.judge(post("/token", passwordForm(c.newUser("correct"+apart+"horse").name, "correct"+composed+"horse")))
			c.judge(post("/token", passwordForm(c.newUser("correct"+composed+"horse").name, "correct"+apart+"horse")))
		}
	},
	"PU-052": func(c *stage) {
		for _, short := range []string{"x", "12345678", "password", "\u00e9", "🔑", " "} {
			c.judge(post("/token", c.newUser(short).passwordForm()))
		}
	},

	"PUX-01": func(c *stage) { // names that are the user's own, typed otherwise
		u := c.user()
		c.each(post("/token", passwordForm(strings.ToUpper(u.name), u.password)),
			post("/token", passwordForm(strings.ToUpper(u.name[:1])+u.name[1:], u.password)))
		for canonical, typed := range map[string][]string{"jörg": {"JÖRG", "jo\u0308rg", "JO\u0308RG"}, "a b": {"A B"},
			"strasse": {"straße", "STRASSE", "STRA\u1e9eE"}, "ωσ": {"ΩΣ", "ως"}, "k\u00e5": {"\u212a\u212b"}} {
			tail := strings.ToLower(rand.Text())
			c.userNamed(canonical+tail, must(c.hasher.Hash(c.ctx, "correct-horse")))
			for _, name := range append(typed, canonical) {
				c.judge(post("/token", passwordForm(name+tail, "correct-horse")))
			}
		}
	},
	"PUX-02": func(c *stage) { // and names that are not
		u := c.user()
		for _, name := range []string{u.name + " ", " " + u.name, "\t" + u.name, u.name + "\n", u.name + ".", u.name + "\u200b",
			"\ufeff" + u.name, u.name + "\u0301", u.name + "\u00ad", u.name[1:], u.name[:len(u.name)-1], u.name + u.name,
			u.name + "@example.com", "%", "_", "*", u.name + "%", "' OR '1'='1", u.name + "' --",
			u.name + "'; DROP TABLE passbearer_users; --", `{"$gt":""}`, u.name + "*)(uid=*", "../" + u.name, u.id,
			strings.Repeat("n", 1024), strings.Repeat("n", 1025), strings.Repeat("\u00e9", 512), strings.Repeat("\u0345", 512),
			strings.Repeat("n", 50_000), "\u202e" + u.name, "\x01", "\x7f"} {
			c.judge(post("/token", passwordForm(name, u.password)))
		}
		for _, name := range []string{"", strings.Repeat("n", 1025), strings.Repeat("\u00e9", 513), "\xff"} {
			_, err := passbearer.CanonicalName(name)
			c.rejects(short(name), err)
		}
	},
	"PUX-03": func(c *stage) { // passwords that are nearly right
		u := c.newUser("Correct Horse é 🔑")
		for _, other := range []string{"correct horse é 🔑", "CORRECT HORSE É 🔑", "Correct Horse é 🔑 ", " Correct Horse é 🔑",
			"Correct Horse é 🔑\n", "Correct Horse é 🔑\r\n", "Correct  Horse é 🔑", "Correct\u00a0Horse é 🔑", "Correct Horse e 🔑",
			"Correct Horse é", "Correct Horse é 🔐", "Correct Horse é 🔑\ufe0f", "Correct Horse é 🔑\u200b", "\ufeffCorrect Horse é 🔑",
			"Correct Horse Ã© 🔑", "Correct+Horse+é+🔑", "Correct%20Horse", "x"} {
			c.judge(post("/token", passwordForm(u.name, other)))
		}
		c.judge(post("/token", passwordForm(c.user().name, u.password))) // another's
		hash := must(c.hasher.Hash(c.ctx, "x"))
		c.judge(post("/token", passwordForm(c.userWith(hash).name, hash))) // the hash itself
	},
	"PUX-04": func(c *stage) { // bcrypt's own limits, from inside
		path := c.importing()
		for _, n := range []int{1, 8, 71, 72} {
			good := strings.Repeat("a", n)
			c.judge(post(path, passwordForm(c.userWith(bcryptOf(good)).name, good)))
		}
	},
	"PUX-05": func(c *stage) { // a right password under throttling, which must not be told from a wrong one
		t := c.throttle()
		c.exhaust(t, c.user().name)
		wrong := c.judge(post(t.path, passwordForm(c.user().name, rand.Text())))
		right := c.judge(post(t.path, c.user().passwordForm()))
		c.also("same answer", same(right, wrong), right)
	},
	"PUX-06": func(c *stage) { // parallel sign-ins with the right password, all of them
		t := c.throttle()
		requests := make([]string, 20)
		for i := range requests {
			requests[i] = post(t.path, c.user().passwordForm())
		}
		c.volley(requests)
	},
	"PUX-07": func(c *stage) { // spellings of one name share its allowance
		t, u := c.throttle(), c.user()
		for i := range 25 {
			c.send(post(t.path, passwordForm(inCase("user", i&15)+u.name[len("user"):], rand.Text())))
		}
		for i := range 16 {
			c.judge(post(t.path, passwordForm(inCase("user", i)+u.name[len("user"):], rand.Text())))
		}
	},
	"PUX-08": func(c *stage) { // another user's device cookie is worth nothing, nor is one made up
		t, u, other := c.throttle(), c.user(), c.newUser("correct-horse")
		signedIn := c.send(post(t.path, other.passwordForm()))
		cookie, _, _ := strings.Cut(signedIn.header.Get("Set-Cookie"), ";")
		c.need(strings.HasPrefix(cookie, throttle.DeviceCookie+"="), "no cookie: %v", signedIn)
		c.exhaust(t, u.name)
		_, value, _ := strings.Cut(cookie, "=")
		for _, line := range []string{"Cookie: " + cookie, "Cookie: " + throttle.DeviceCookie + "=" + strings.Repeat("A", 27),
			"Cookie: " + throttle.DeviceCookie + "=", "Cookie: " + throttle.DeviceCookie + "=" + strings.Repeat(value+".", 50),
			"Cookie: " + throttle.DeviceCookie + "=" + value[1:], "Cookie: " + throttle.DeviceCookie + "=" + strings.Repeat(".",
				4000), "Cookie: x=" + value, "Cookie: " + throttle.DeviceCookie + "=\x80"} {
			c.judge(post(t.path, u.passwordForm(), line))
		}
	},
}

var policy = password.Policy{Words: []string{"Passbearer Service"}}

// chosen looks at passwords that may not be chosen, for a reason.
func (c *stage) chosen(reason password.Reason, list ...string) {
	for _, p := range list {
		reasons, err := policy.Check(c.ctx, p, c.user().name)
		c.inputs++
		if len(reasons) == 0 {
			c.accepted++
		}
		if err != nil || !slices.Contains(reasons, reason) {
			c.errorf("%q: %v, %v", p, reasons, err)
		}
	}
}

// disabled is about a user who may not sign in.
func (c *stage) disabled() {
	u := c.newUser("correct-horse")
	c.needNil(second(c.stores.Users.SetDisabled(c.ctx, u.id, true)))
	c.likeWrong(u.name, u.password, "wrong")
}

// importing mounts a token endpoint that takes cheap hashes of bcrypt.
func (c *stage) importing() string {
	path := fmt.Sprintf("/importing/%d/token", mounted.Add(1))
	c.mount(path, passbearer.TokenHandlerOptions{Passwords: must(password.New(&password.Options{Params: cheap,
		ImportLeast: password.ImportCosts{Bcrypt: uint32(bcrypt.MinCost)}}))})
	return path
}

func bcryptOf(plain string) string {
	return string(must(bcrypt.GenerateFromPassword([]byte(plain), bcrypt.MinCost)))
}

// likeWrong judges sign-ins that must be like one with a wrong password.
func (c *stage) likeWrong(name string, passwords ...string) {
	wrong := c.send(post("/token", passwordForm(c.user().name, "wrong")))
	for _, p := range passwords {
		if p != "" {
			x := c.judge(post("/token", passwordForm(name, p)))
			c.also(sameAsWrong, same(x, wrong), x)
		}
	}
}

// lookalikes judges the name of an administrator with letters replaced.
func (c *stage) lookalikes(letters map[string]string) {
	tail := "-" + strings.ToLower(rand.Text())
	u := c.userNamed("admin"+tail, must(c.hasher.Hash(c.ctx, "correct-horse")))
	for letter, other := range letters {
		c.judge(post("/token", passwordForm(strings.Replace(u.name, letter, other, 1), "correct-horse")))
	}
	c.need(c.send(post("/token", passwordForm(u.name, "correct-horse"))).status == 200, "the right name is refused")
}

// rejects counts a call of the API that must fail.
func (c *stage) rejects(what string, err error) {
	c.inputs++
	if err == nil {
		c.accepted++
		c.errorf("%s is accepted", what)
	}
}

// mentions looks for a word wherever it could be written to.
func mentions(x *exchange, word string) bool {
	text := x.body + headerText(x.header) + x.log
	for _, e := range x.events {
		text += fmt.Sprintf("%v %+v %#v", e, e, e)
		if e.Err != nil {
			text += fmt.Sprintf("%v %+v %#v", e.Err, e.Err, e.Err)
		}
	}
	return strings.Contains(text, word)
}
