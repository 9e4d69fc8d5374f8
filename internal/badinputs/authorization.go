package badinputs

import (
	"strings"
)

var authorizationHeader = cases{
	"AH-001": func(c *stage) { c.headers("") },
	"AH-002": func(c *stage) {
		c.headers("Authorization:", "Authorization: ", "Authorization: \t ", "authorization:", "AUTHORIZATION:    ")
	},
	"AH-003": func(c *stage) {
		c.headers(c.literal(), "Authorization: Basic", "Authorization: basic {AT}", "Authorization: Basic Og==")
	},
	"AH-004": func(c *stage) { c.headers(c.literal()) },
	"AH-007": func(c *stage) {
		c.headers(c.literal(), "Authorization: {AT} Bearer", "Authorization: {AT}, Bearer {AT}")
	},
	"AH-010": func(c *stage) {
		c.headers(c.literal(), "Authorization: Bearer\t {AT}", "Authorization: Bearer \t{AT}", "Authorization: Bearer\t\t{AT}")
	},
	"AH-011": func(c *stage) {
		c.headers(c.literal(), "Authorization: Bearer {AT} {AT}", "Authorization: Bearer {AT}, {AT}",
			"Authorization: Bearer {AT},Bearer {AT}", `Authorization: Bearer {AT}, realm="api"`, "Authorization: Bearer extra {AT}",
			"Authorization: Bearer Bearer {AT}", "Authorization: Bearer {AT}\textra")
	},
	"AH-013": func(c *stage) {
		const at = "Authorization: Bearer {AT}"
		c.headers(at+"\r\n"+at, at+"\r\nauthorization: Bearer {AT}", at+"\r\nAccept: */*\r\n"+at, at+"\r\n"+at+"\r\n"+at)
	},
	"AH-016": func(c *stage) {
		c.headers(c.literal(), "Authorization: Bearer '{AT}'", `Authorization: Bearer "{AT}`, "Authorization: Bearer <{AT}>",
			"Authorization: Bearer [{AT}]")
	},
	"AH-020": func(c *stage) {
		c.headers(c.literal(), "Authorization: Bearer {AT}\x00", "Authorization: \x00Bearer {AT}")
	},
	"AH-022": func(c *stage) { c.headers(c.literal()) },
	"AH-023": func(c *stage) { c.headers(c.literal()) },
	"AH-024": func(c *stage) {
		c.headers(c.literal(), "Authorization: Bearer NaN", "Authorization: Bearer true", "Authorization: Bearer 0",
			"Authorization: Bearer .", "Authorization: Bearer ..")
	},
	"AH-025": func(c *stage) {
		c.headers(bearer(strings.Repeat("A", 8193)))
		c.also("<= 1 KiB allocated", c.checkTakes(strings.Repeat("A", 8193), 1<<10), "more")
		// What is refused by its length alone takes the same for a token that was well formed.
		c.also("rejected before base64/JSON", c.checkTakes(c.jwt("x", quote(strings.Repeat("x", 8<<10))), 1<<10), "more")
	},
	"AH-026": func(c *stage) {
		c.headers(bearer(strings.Repeat(".", 900_000)))
		c.also("allocations O(1)", c.checkTakes(strings.Repeat(".", 900_000), 1<<10), "more")
	},
	"AH-027": func(c *stage) { c.headers(bearer(strings.Repeat("A", 1_100_000))) },
	"AH-029": func(c *stage) {
		for _, query := range []string{"access_token={AT}", "access_token=", "access_token", "x=1&access_token={AT}",
			"%61ccess_token={AT}", "access%5Ftoken={AT}", "access_token={AT}&access_token={AT}", "%zz&access_token={AT}",
			"access_token=%zz"} {
			c.judge(c.fill(get("/items?"+query, bearer("{AT}"))))
		}
	},
	"AH-031": func(c *stage) {
		body := c.fill("access_token={AT}")
		x := c.judge(post("/items", body, bearer(c.at())))
		c.also("the body is left unread for the handler: a Guard never reads bodies", len(x.calls) == 1 && x.calls[0].body == body,
			x)
	},
	"AH-035": func(c *stage) {
		c.headers("Authorization: Bearer {RT}")
		c.present(c.rt(0) + ".." + c.rt(0))
	},
	"AH-039": func(c *stage) { c.headers(c.literal()) },
	"AH-040": func(c *stage) { c.headers(c.literal(), "Authorization: Bearer"+strings.Repeat(" ", 100)+"{AT}") },
	"AH-041": func(c *stage) {
		c.headers("Authorization: Bearer {AT}   ", "Authorization: \t Bearer {AT} \t", "Authorization:Bearer {AT}")
	},

	"AHX-01": func(c *stage) {
		for spelling := range 1 << len("bearer") {
			c.headers("Authorization: " + inCase("bearer", spelling) + " {AT}")
		}
	},
	"AHX-02": func(c *stage) {
		c.headers("Authorization: Bearer", "Authorization: Bearer ", "Authorization: bearer   ", "Authorization: BEARER\t",
			"Authorization: Bearer =", "Authorization: Bearer ====")
	},
	"AHX-03": func(c *stage) {
		for b := range 0x80 {
			if b < 0x20 && b != '\t' || b == 0x7f {
				c.headers("Authorization: Bearer {AT}" + string(rune(b)) + "x")
			}
		}
	},
	"AHX-04": func(c *stage) {
		const pad = "x" // or white space at an end would be no part of it
		for b := range 0x100 {
			if (b == '\t' || b >= 0x20 && b != 0x7f) && b != '=' && !token68.MatchString(string([]byte{byte(b)})) {
				c.headers("Authorization: Bearer "+pad+"{AT}"+string([]byte{byte(b)})+pad,
					"Authorization: Bearer "+pad+string([]byte{byte(b)})+"{AT}")
			}
		}
		c.headers("Authorization: Bearer {AT}=x", "Authorization: Bearer =x{AT}")
	},
	"AHX-05": func(c *stage) {
		for _, scheme := range []string{"DPoP", "Negotiate", "NTLM", "MAC", "Token", "JWT", "Bearerish", "Bearer2", "Bearer-x",
			"Bearer_", "Bearer.", "Bear", "xBearer", "Hawk", "AWS4-HMAC-SHA256", "OAuth", "ApiKey", "\xcf\xbbearer"} {
			c.headers("Authorization: " + scheme + " {AT}")
		}
	},
	"AHX-06": func(c *stage) {
		for _, sep := range []string{":", "=", ",", ";", ": ", "= ", "%20", "\u00a0", "\u2003"} {
			c.headers("Authorization: Bearer" + sep + "{AT}")
		}
	},
	"AHX-07": func(c *stage) {
		const at = "Authorization: Bearer {AT}"
		for _, other := range []string{"Authorization:", "Authorization: Basic Og==", "Authorization: Bearer",
			"Authorization: Bearer other", "AUTHORIZATION: DPoP x"} {
			c.headers(at+"\r\n"+other, other+"\r\n"+at)
		}
	},
	"AHX-08": func(c *stage) {
		for _, query := range []string{"access_token={AT}", "token={AT}", "bearer={AT}", "Authorization=Bearer+{AT}"} {
			c.judge(c.fill(get("/items?" + query)))
		}
		c.headers("Cookie: access_token={AT}", "Cookie: Authorization=Bearer {AT}", "X-Authorization: Bearer {AT}",
			"Proxy-Authorization: Bearer {AT}", "X-Access-Token: {AT}", "X-Forwarded-Authorization: Bearer {AT}",
			"Authorization-: Bearer {AT}", "Sec-WebSocket-Protocol: bearer, {AT}",
			" Authorization: Bearer {AT}") // which goes on with the line before
		c.judge(c.fill(post("/items", "access_token={AT}")))
	},
	"AHX-09": func(c *stage) {
		for _, query := range []string{"xaccess_token={AT}", "access_tokens=1", "Access_Token={AT}", "x=access_token",
			"access-token={AT}", "?access_token={AT}", ""} {
			c.judge(c.fill(get("/items?"+query, bearer("{AT}"))))
		}
	},
	"AHX-10": func(c *stage) {
		c.headers("Authorization : Bearer {AT}", "Authorization\t: Bearer {AT}", ": Bearer {AT}", "Authorization Bearer {AT}",
			"Authorization: Bearer {AT}\rX: y", "Authoriz\x00ation: Bearer {AT}", "Authorizatio\xc3\xb1: Bearer {AT}")
	},
	"AHX-11": func(c *stage) {
		c.headers("Authorization: Bearer\r\n {AT}", "Authorization:\r\n\tBearer {AT}")
	},
	"AHX-12": func(c *stage) {
		for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X"} {
			c.judge(request(method, "/items", ""))
		}
	},
	"AHX-13": func(c *stage) {
		for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
			c.judge(request(method, "/items", "", bearer(c.at())))
		}
		c.judge(strings.Replace(get("/items", bearer(c.at())), "HTTP/1.1", "HTTP/1.0", 1))
		c.judge(c.fill(get("http://api/items", bearer("{AT}"))))
	},
	"AHX-14": func(c *stage) {
		for _, token := range []string{"abc", c.rt(0), c.jwt("exp", c.in(-3600)), c.sign(headOf("ES256", "unknown"), c.payload())} {
			c.judge(get("/optional", bearer(token)))
		}
	},
	"AHX-15": func(c *stage) {
		for _, line := range []string{"", "Authorization:", "Authorization: Basic Og==", "Authorization: Bearerish {AT}"} {
			x := c.judge(c.fill(get("/optional", line)))
			c.also("the handler is called once, without a principal", len(x.calls) == 1 && x.calls[0].claims.Subject == "", x)
		}
	},
	"AHX-16": func(c *stage) {
		for _, n := range []int{1, 2, 3, 255, 256, 257, 4095, 4096, 8190, 8191, 8192, 8194, 65536, 900_000} {
			c.headers(bearer(strings.Repeat("a", n)))
		}
		for _, n := range []int{1, 2, 3, 4, 100, 8191} {
			c.headers(bearer(strings.Repeat(".", n)), bearer("e30"+strings.Repeat(".e30", n/4)))
		}
	},
	"AHX-17": func(c *stage) {
		c.judge(get("/admin"))
		c.judge(get("/me"))
		for alg := range c.verifying() {
			c.judge(get("/key/" + string(alg)))
		}
	},
	"AHX-18": func(c *stage) {
		// A second request behind the first must not borrow its credentials.
		x := c.judge(get("/items", "Content-Length: 5") + "GET /items HTTP/1.1\r\nHost: api\r\n" + bearer(c.at()) + "\r\n\r\n")
		c.also("handler not called", len(x.calls) == 0, x)
		c.judge(request("GET", "/items", "", "Transfer-Encoding: chunked") + "0\r\n\r\n")
	},
}

// headers judges requests for the protected resource, each with a line or several.
func (c *stage) headers(lines ...string) {
	for _, line := range lines {
		c.judge(c.fill(get("/items", line)))
	}
}

// checkTakes reports whether looking at a bad token takes at most so many bytes.
func (c *stage) checkTakes(token string, bytes uint64) bool {
	r := must(newRequest("/items", token))
	return allocates(bytes, func() { c.guard.Check(r) })
}

// inCase writes the letters in capitals whose bits are set.
func inCase(word string, bits int) string {
	letters := []byte(word)
	for i := range letters {
		if bits>>i&1 == 1 {
			letters[i] -= 'a' - 'A'
		}
	}
	return string(letters)
}
