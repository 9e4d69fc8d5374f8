package badinputs

import (
	"fmt"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

var jwtClaims = cases{
	"JC-004": func(c *stage) { c.present(c.jwt("exp", "true"), c.jwt("exp", "false"), c.jwt("exp", "null")) },
	"JC-005": func(c *stage) {
		c.present(c.jwt("exp", "[9999999999]"), c.jwt("exp", "["+c.in(60)+"]"), c.jwt("exp", "[]"))
	},
	"JC-006": func(c *stage) { c.present(c.jwt("exp", "{}"), c.jwt("exp", `{"exp":`+c.in(60)+"}")) },
	"JC-007": func(c *stage) {
		c.present(c.jwt("exp", "-1"), c.jwt("exp", "-9223372036854775808"), c.jwt("exp", "-"+c.in(60)))
	},
	"JC-008": func(c *stage) {
		c.present(c.jwt("exp", "0"), c.jwt("exp", "-0"), c.jwt("exp", "0.5"), c.jwt("exp", "1e-9"))
	},
	"JC-009": func(c *stage) { c.present(c.jwt("exp", "1e300"), c.jwt("exp", "1e308"), c.jwt("exp", "1e309")) },
	"JC-010": func(c *stage) { c.present(c.jwt("exp", "1e18"), c.jwt("exp", "1e12"), c.jwt("exp", "99999999999")) },
	"JC-011": func(c *stage) {
		for _, n := range []string{"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
			"9007199254740991", "9007199254740992", "9223372036854775807.5", "4294967296", "92233720368547758070000000000"} {
			c.present(c.jwt("exp", n))
		}
	},
	"JC-013": func(c *stage) { c.present(c.jwt("exp", c.in(-leeway-1))) },
	"JC-015": func(c *stage) { c.present(c.jwt("nbf", c.in(leeway+1)), c.jwt("nbf", c.in(leeway)+".5")) },
	"JC-017": func(c *stage) {
		c.present(c.jwt("nbf", c.in(20), "exp", c.in(19)), c.jwt("nbf", c.in(-5), "exp", c.in(-6)))
	},
	"JC-018": func(c *stage) { c.present(c.jwt("iat", c.in(3600)), c.jwt("iat", c.in(leeway+1))) },
	"JC-019": func(c *stage) {
		c.present(c.jwt("iat", "null"), c.jwt("iat", `"x"`), c.jwt("iat", "-1"), c.jwt("iat", quote(c.in(0))), c.jwt("iat", "0"))
	},
	"JC-020": func(c *stage) { c.present(c.jwt("iat", absent)) },
	"JC-022": func(c *stage) { c.present(c.jwt("iss", absent), c.jwt("iss", "null")) },
	"JC-023": func(c *stage) { c.present(c.jwt("iss", `"https://evil.example"`), c.jwt("iss", quote(audience))) },
	"JC-024": func(c *stage) {
		c.present(c.jwt("iss", quote(issuer+"/")), c.jwt("iss", quote(issuer+"#")), c.jwt("iss", quote(issuer+"?")))
	},
	"JC-025": func(c *stage) {
		c.present(c.jwt("iss", `"https://ISSUER.EXAMPLE"`), c.jwt("iss", `"HTTPS://issuer.example"`), c.jwt("iss",
			quote(strings.ToUpper(issuer))))
	},
	"JC-026": func(c *stage) {
		for n := 1; n < len(issuer); n++ {
			c.present(c.jwt("iss", quote(issuer[:n])), c.jwt("iss", quote(issuer[n:])))
		}
	},
	"JC-028": func(c *stage) { c.present(c.jwt("iss", `""`), c.jwt("iss", `" "`), c.jwt("iss", `"\u0000"`)) },
	"JC-031": func(c *stage) {
		c.present(c.jwt("aud", "[]"), c.jwt("aud", "[ \n ]"), c.jwt("aud", `[""]`), c.jwt("aud", `""`))
	},
	"JC-032": func(c *stage) { c.present(c.jwt("aud", "null"), c.jwt("aud", "[null]"), c.jwt("aud", absent)) },
	"JC-035": func(c *stage) {
		for _, other := range []string{"1", "null", "true", "{}", "[]", `""`} {
			c.present(c.jwt("aud", "["+quote(audience)+","+other+"]"), c.jwt("aud", "["+other+","+quote(audience)+"]"))
		}
	},
	"JC-036": func(c *stage) {
		c.present(c.jwt("aud", "[["+quote(audience)+"]]"), c.jwt("aud", `{"aud":`+quote(audience)+"}"), c.jwt("aud",
			`[{"aud":`+quote(audience)+"}]"))
	},
	"JC-037": func(c *stage) {
		c.present(c.jwt("aud", quote(strings.ToUpper(audience))), c.jwt("aud", `"https://API.example"`), c.jwt("aud",
			`["HTTPS://api.example"]`))
	},
	"JC-038": func(c *stage) {
		for _, near := range []string{audience + "-admin", audience + "/", audience + " ", " " + audience,
			audience + "," + audience, audience + " x", "x " + audience} {
			c.present(c.jwt("aud", quote(near)), c.jwt("aud", "["+quote(near)+"]"))
		}
		for n := 1; n < len(audience); n++ {
			c.present(c.jwt("aud", quote(audience[:n])), c.jwt("aud", quote(audience[n:])))
		}
		c.present(c.jwt("aud", `"`+audience+`\nx"`), c.jwt("aud", `["x\n`+audience+`"]`), c.jwt("aud", `"`+audience+`\u0000"`),
			c.jwt("aud", `"x\n`+audience+`\nx"`))
	},
	"JC-039": func(c *stage) { c.present(c.jwt("sub", absent), c.jwt("sub", `""`), c.jwt("sub", "null")) },
	"JC-041": func(c *stage) {
		at := c.at()
		c.hide(c.user())
		c.judge(get("/me", bearer(at)))
		c.judge(get("/me", bearer(c.jwt("sub", `"nobody"`))))
		c.spy.heal()
		c.also("when the user check is on", c.send(get("/me", bearer(at))).status == 200,
			"the user is refused when they are there, too")
		_, err := c.stores.Users.SetDisabled(c.ctx, c.user().id, true)
		c.needNil(err)
		c.judge(get("/me", bearer(at)))
	},
	"JC-044": func(c *stage) {
		c.session(1)
		c.need(c.lives(c.at()), "the token is refused before")
		c.need(c.send(post("/revoke", form("token", c.rt(0)))).status == 200, "log out")
		c.present(c.chain[0].Access, c.chain[1].Access)
		one := c.jwt("jti", `"this one"`)
		c.need(c.lives(one), "the token is refused before")
		c.needNil(c.stores.Sessions.Revoke(c.ctx, passbearer.Revocation{TokenID: "this one"}))
		c.until("the revocation is known", func() bool { return c.revoked.Revoked(&passbearer.Claims{ID: "this one"}) })
		c.present(one, c.jwt("jti", `"this one"`, "sub", `"somebody else"`))
	},
	"JC-045": func(c *stage) {
		u, at := c.user(), c.at()
		c.needNil(c.sessions.ChangePassword(c.ctx, u.id, u.password, "another password"))
		c.present(at)
	},
	"JC-046": func(c *stage) {
		c.session(1)
		other := c.signIn(c.user())
		c.needNil(c.engine.EndAll(c.ctx, c.user().id))
		c.present(c.chain[0].Access, c.chain[1].Access, other.Access)
	},
	"JC-049": func(c *stage) {
		for b := range 0x20 {
			c.present(c.jwt("scope", fmt.Sprintf(`"read\u%04xadmin"`, b)))
		}
		for _, scope := range []string{`"read\nadmin"`, `"read\"admin"`, `"read\\admin"`, `"read\u007fadmin"`, `"read  admin"`,
			`" read"`, `"read "`, `" "`, `"läs"`, `"read\u00a0admin"`, `"read\u2003admin"`} {
			c.present(c.jwt("scope", scope))
		}
	},
	"JC-051": func(c *stage) {
		for _, scope := range []string{"administrator", "superadmin", "Admin", "ADMIN", "admin2", "2admin", "read:admin",
			"admin:read", "admin,read", "read,admin", "read write", "admin.", "adm in", "*", "admi"} {
			c.presentAt("/admin", c.jwt("scope", quote(scope)))
		}
		c.presentAt("/admin", c.jwt("scope", `""`), c.jwt("scope", absent))
		x := c.send(get("/admin", bearer(c.jwt("scope", `"read admin"`))))
		c.also("whole-token match", x.status == 200, x)
	},
	"JC-053": func(c *stage) {
		for _, cnf := range []string{`{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`,
			`{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`, `{"jwk":{"kty":"EC"}}`, `{"kid":"x"}`, `{"x":1}`,
			`{"jkt":"x","x5t#S256":"y"}`, `{"jkt":""}`, `{"jkt":1}`, `{"jkt":null}`, "{}", "null", "[]", `"x"`, "1", "true",
			`{"":""}`} {
			c.present(c.jwt("cnf", cnf))
		}
	},
	"JC-056": func(c *stage) { c.present(c.jwt("exp", c.in(-1))) },

	"JCX-01": func(c *stage) { // each claim in each type of JSON but its own
		for _, name := range registered {
			for kind, values := range map[string][]string{
				"null": {"null"}, "bool": {"true", "false"}, "number": {"1", "-1", "0.5"}, "string": {`"x"`, `""`, `"1"`},
				"array": {"[]", `["x"]`, "[1]", "[null]", "[[]]"}, "object": {"{}", `{"x":"y"}`},
			} {
				if !takes(name, kind) {
					for _, value := range values {
						c.present(c.jwt(name, value))
					}
				}
			}
		}
	},
	"JCX-02": func(c *stage) { // what is required, without it
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti"} {
			c.present(c.jwt(name, absent), c.jwt(name, `""`), c.jwt(name, "null"), c.jwt(name, absent, strings.ToUpper(name),
				valueOf(c.payload(), name)))
		}
		c.present(c.sign(head, "{}"), c.sign(head, `{"exp":`+c.in(60)+"}"))
	},
	"JCX-03": func(c *stage) { // dates that are none
		for _, name := range []string{"exp", "nbf", "iat", "auth_time"} {
			for _, n := range []string{"-1", "-0.1", "-1.5", "1e300", "-1e300", "9007199254740992", "1e16", "9223372036854775808",
				"1e400"} {
				c.present(c.jwt(name, n))
			}
		}
	},
	"JCX-04": func(c *stage) { // on the edge
		c.present(c.jwt("exp", c.in(-leeway)), c.jwt("exp", c.in(-leeway)+".9"), c.jwt("exp", c.in(24*3600+leeway+1)), c.jwt("exp",
			c.in(-leeway), "nbf", c.in(-leeway)))
	},
	"JCX-05": func(c *stage) { // on the edge, from inside
		c.present(c.jwt("exp", c.in(-leeway+1)), c.jwt("nbf", c.in(leeway)), c.jwt("iat", c.in(leeway)), c.jwt("exp",
			c.in(24*3600+leeway)), c.jwt("exp", c.in(60)+".5"), c.jwt("exp", c.in(60)+"e0"), c.jwt("nbf", c.in(-3600)), c.jwt("nbf",
			"0"), c.jwt("auth_time", "0"))
	},
	"JCX-06": func(c *stage) { // claims that may be there or not, in any form that is theirs
		c.present(c.jwt("scope", absent), c.jwt("scope", `""`), c.jwt("client_id", absent), c.jwt("aud",
			`["x",`+quote(audience)+`]`), c.jwt("aud", `["`+audience+`"]`), c.jwt("amr", `["pwd","otp"]`), c.jwt("amr", "[]"),
			c.jwt("acr", `"1"`), c.jwt("sid", `"unknown"`), c.jwt("auth_time", c.in(-60)), c.jwt("epoch", "1"), c.jwt("name",
				`"Ünïcode 🔑"`), c.jwt("sub", `"u-\u0063rafted"`))
	},
	"JCX-07": func(c *stage) { // the clock moves, the token stays, and it is in the cache
		token := c.jwt()
		c.need(c.lives(token), "the token is refused at first")
		c.clock.advance(60*time.Second + leeway*time.Second)
		defer c.clock.advance(-(60 + leeway) * time.Second)
		c.present(token)
	},
	"JCX-08": func(c *stage) { // a token revoked after it was cached
		c.session(0)
		for range 3 {
			c.need(c.lives(c.at()), "the token is refused at first")
		}
		c.need(c.send(post("/revoke", form("token", c.rt(0)))).status == 200, "log out")
		c.each(get("/items", bearer(c.at())), get("/optional", bearer(c.at())), get("/me", bearer(c.at())))
	},
	"JCX-09": func(c *stage) { // disabled
		at := c.at()
		c.needNil(c.engine.Disable(c.ctx, c.user().id))
		c.each(get("/items", bearer(at)), get("/me", bearer(at)))
	},
	"JCX-10": func(c *stage) {
		for _, amr := range []string{"[1]", "[null]", `[""]`, `["a b"]`, `["pwd",1]`, "[[]]", `[" "]`} {
			c.present(c.jwt("amr", amr))
		}
		for _, epoch := range []string{"0", "-1", "1.5", "1e3", "9223372036854775808", "-9223372036854775809"} {
			c.present(c.jwt("epoch", epoch))
		}
	},
}

// takes reports whether a claim may have values of that kind of JSON.
func takes(name, kind string) bool {
	switch name {
	case "exp", "nbf", "iat", "auth_time", "epoch":
		return kind == "number"
	case "aud":
		return kind == "string" || kind == "array"
	case "amr":
		return kind == "array"
	case "cnf":
		return kind == "object"
	}
	return kind == "string"
}

// hide lets the store of users forget one.
func (c *stage) hide(u *user) {
	c.spy.fail("UserByID", func() error { return fmt.Errorf("%s: %w", u.id, passbearer.ErrUserNotFound) })
	c.spy.fail("UserByName", func() error { return fmt.Errorf("%s: %w", u.id, passbearer.ErrUserNotFound) })
}

// until waits for what another goroutine does.
func (c *stage) until(what string, done func() bool) {
	for late := time.Now().Add(10 * time.Second); !done(); <-time.After(time.Millisecond) {
		c.need(time.Now().Before(late), "waited in vain: %s", what)
	}
}
