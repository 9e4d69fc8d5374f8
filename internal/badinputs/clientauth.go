package badinputs

import (
	"encoding/base64"
	"strings"

	"github.com/passbearer/passbearer"
)

func secretOf(client string) string { return client + secretSuffix }

var clientAuth = cases{
	"CA-001": func(c *stage) {
		c.asClient("", "")
		c.asClient("", "client_id=")
		c.asClient("", "client_secret="+pctAll(secretOf(clientA)))
		c.asClient("Authorization:", "")
		c.asClient("Authorization: Basic Og==", "")
		c.judge(post("/clients/revoke", form("token", "x")))
		c.judge(post("/clients/token", refreshForm(c.rt(0))))
		c.judge(post("/clients/token", form("grant_type", "unknown")))
	},
	"CA-002": func(c *stage) {
		for _, text := range []string{"%%%", "!", "a", "YXBw", "=", "====", "YXBwIGE6eA=", "YXBwIGE6eA===", "YXBwIGE6eB==",
			"YXBwI GE6eA==", "YXBwIGE6eA==x", "YXBw-_==", "", "\u00e9",
			base64.StdEncoding.EncodeToString([]byte(clientA + ":x"))[:10]} {
			c.asClient("Authorization: Basic "+text, "")
			c.asClient("Authorization: Basic "+text, "client_id="+clientPhone)
		}
	},
	"CA-003": func(c *stage) {
		for _, text := range []string{"noColon", "app+a", "app+a;secret", "app+a\x00secret", "app+a\nsecret", "app+a=secret"} {
			c.asClient(basicRaw(text), "")
		}
	},
	"CA-004": func(c *stage) { c.asClient(basicRaw(":secret"), ""); c.asClient(basic("", secretOf(clientA)), "") },
	"CA-006": func(c *stage) {
		known := c.send(post("/clients/token", c.user().passwordForm("client_id", clientA, "client_secret", "wrong")))
		for _, id := range []string{"nobody", "app", "APP A", "app a ", "app%20a", "App a", "app_a", "*", strings.Repeat("c",
			256)} {
			x := c.asClient("", form("client_id", id, "client_secret", secretOf(clientA)))
			c.also("same bytes and time as wrong secret", same(x, known), x)
			c.asClient("", form("client_id", id))
			c.asClient(basic(id, secretOf(clientA)), "")
		}
	},
	"CA-007": func(c *stage) {
		for _, secret := range []string{"x", secretOf(clientB), clientA, passbearer.ClientSecretHash(secretOf(clientA)),
			secretOf(clientA)[1:], secretOf(clientA) + secretOf(clientA), pctAll(secretOf(clientA))} {
			c.asClient("", form("client_id", clientA, "client_secret", secret))
			c.asClient(basic(clientA, secret), "")
		}
		good := secretOf(clientA)
		for n := range good {
			c.asClient(basic(clientA, good[:n]), "")
		}
	},
	"CA-008": func(c *stage) {
		good := secretOf(clientA)
		for _, secret := range []string{strings.ToUpper(good), strings.ToUpper(good[:1]) + good[1:], good + " ", " " + good,
			good + "\t", good + "\n", good + "\x00", "\x00" + good, good + "\u200b", good + "\u0301"} {
			c.asClient(basic(clientA, secret), "")
			if !strings.Contains(secret, "\x00") { // which no form may have
				c.asClient("", form("client_id", clientA, "client_secret", secret))
			}
		}
	},
	"CA-010": func(c *stage) {
		c.asClient(basic(clientA, secretOf(clientA)), form("client_secret", secretOf(clientA)))
		c.asClient(basic(clientA, secretOf(clientA)), form("client_id", clientA, "client_secret", secretOf(clientA)))
		c.asClient(basic(clientA, "wrong"), form("client_id", clientA, "client_secret", secretOf(clientA)))
		c.asClient(basic(clientPhone, ""), form("client_secret", "x"))
	},
	"CA-011": func(c *stage) {
		c.asClient(basic(clientA, secretOf(clientA)), form("client_id", clientB))
		c.asClient(basic(clientA, secretOf(clientA)), form("client_id", clientPhone))
		c.asClient(basic(clientA, secretOf(clientA)), form("client_id", "APP A"))
		c.asClient(basic(clientPhone, ""), form("client_id", clientA))
	},
	"CA-014": func(c *stage) {
		c.asClient("", form("client_id", clientPhone, "client_secret", "x"))
		c.asClient(basic(clientPhone, "x"), "")
		c.asClient("", form("client_id", clientPhone, "client_secret", secretOf(clientA)))
		c.asClient("", form("client_id", clientPhone, "client_secret", " "))
	},
	"CA-015": func(c *stage) {
		for _, params := range []string{form("client_assertion", c.jwt(), "client_assertion_type",
			"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), "client_assertion=x", "client_assertion_type=x"} {
			c.asClient("", params)
			c.asClient("", params+"&"+form("client_id", clientA, "client_secret", secretOf(clientA)))
			c.asClient("", params+"&client_id="+clientPhone)
			c.asClient(basic(clientA, secretOf(clientA)), params)
		}
	},
	"CA-016": func(c *stage) {
		for _, line := range []string{"Authorization: Bearer {AT}", "Authorization: DPoP {AT}", "Authorization: Digest x",
			"Authorization: Basi c", "Authorization: Basicx Og==", "Authorization: {AT}", "Authorization: Basic{AT}"} {
			c.asClient(c.fill(line), "client_id="+clientPhone)
			c.asClient(c.fill(line), form("client_id", clientA, "client_secret", secretOf(clientA)))
		}
	},
	"CA-017": func(c *stage) {
		for _, id := range []string{strings.Repeat("c", 10<<10), strings.Repeat("c", 257), "app a\x00", "\x00", "' OR 1=1 --",
			"app a'; DROP TABLE clients; --", `{"$ne":null}`, "%", "_", "*", "../app a", "\u0430pp a", "\u202eapp a",
			"app a\r\nX: y"} {
			c.asClient(basic(id, "x"), "")
			if !strings.Contains(id, "\x00") {
				c.asClient("", form("client_id", id, "client_secret", "x"))
			}
		}
	},
	"CA-020": func(c *stage) {
		own := basic(clientA, secretOf(clientA))
		session := c.signInAt("/clients/token", c.user(), own)
		for _, other := range []string{basic(clientB, secretOf(clientB)), basic(clientPhone, "")} {
			x := c.judge(post("/clients/token", refreshForm(session.Refresh), other))
			c.also("event logged", len(x.events) == 1 && x.events[0].Kind == passbearer.EventRefreshRefused, x.events)
		}
		c.judge(post("/clients/token", refreshForm(session.Refresh, "client_id", clientPhone)))
		x := c.send(post("/clients/token", refreshForm(session.Refresh), own))
		c.also("A family still works or is revoked, as documented", x.status == 200, x) // it works
	},
	"CA-022": func(c *stage) {
		own := basic(clientA, secretOf(clientA))
		session := c.signInAt("/clients/token", c.user(), own)
		for _, other := range []string{basic(clientB, secretOf(clientB)), basic(clientPhone, "")} {
			for _, hint := range []string{"", "refresh_token", "access_token", "x"} {
				c.judge(post("/clients/revoke", form("token", session.Refresh, "token_type_hint", hint), other))
			}
		}
		x := c.send(post("/clients/token", refreshForm(session.Refresh), own))
		c.also("token still valid", x.status == 200 && c.lives(session.Access), x)
	},

	"CAX-01": func(c *stage) { // each way that is right
		good := secretOf(clientA)
		c.asClient(basic(clientA, good), "")
		c.asClient(basic(clientA, good), form("client_id", clientA))
		c.asClient(basic(clientB, secretOf(clientB)), "")
		c.asClient(basicRaw(pctAll(clientA)+":"+pctAll(good)), "")
		c.asClient(strings.Replace(basic(clientA, good), "Basic", "bAsIc", 1), "")
		c.asClient(strings.Replace(basic(clientA, good), "Basic ", "Basic    ", 1), "")
		c.asClient(basic(clientA, good)+"  ", "")
		c.asClient("", form("client_id", clientA, "client_secret", good))
		c.asClient("", form("client_id", clientPhone))
		c.asClient("", form("client_id", clientPhone, "client_secret", ""))
		c.asClient(basic(clientPhone, ""), "")
		c.asClient("Authorization: Basic Og==", form("client_id", clientPhone))
		c.asClient("Authorization:", form("client_id", clientA, "client_secret", good))
	},
	"CAX-02": func(c *stage) { // several headers
		good := basic(clientA, secretOf(clientA))
		for _, lines := range []string{good + "\r\n" + good, good + "\r\nAuthorization: Bearer x",
			"Authorization: Basic Og==\r\n" + good, good + "\r\nAuthorization:", "Authorization:\r\nAuthorization:"} {
			c.asClient(lines, "")
		}
	},
	"CAX-03": func(c *stage) { // Basic that is form-urlencoded badly, or not at all
		for _, text := range []string{clientA + ":%zz", "%zz:x", "app+a:%", "%ff:x", "app+a:%ff", "app+a:%c0%af", "%00:x",
			"app+a:a%00", "\xff:x", "app+a:\xff", "%u0061:x", clientB + ":" + secretOf(clientB)} {
			c.asClient(basicRaw(text), "")
			c.judge(post("/clients/revoke", form("token", c.rt(0)), basicRaw(text)))
		}
	},
	"CAX-04": func(c *stage) { // NUL in the body is refused with the form
		c.asClient("", "client_id=app+a%00&client_secret=x")
		c.asClient("", "client_id=app+a&client_secret="+pctAll(secretOf(clientA))+"%00")
	},
	"CAX-05": func(c *stage) { // another client's access token and refresh token, where no clients are told apart
		session := c.signInAt("/clients/token", c.user(), basic(clientA, secretOf(clientA)))
		c.judge(post("/token", refreshForm(session.Refresh)))
		c.judge(post("/token", refreshForm(session.Refresh, "client_id", clientA, "client_secret", secretOf(clientA))))
		c.judge(post("/clients/token", refreshForm(c.signIn(c.user()).Refresh, "client_id", clientPhone)))
	},
	"CAX-06": func(c *stage) { // a client is asked for before anything else is looked at
		for _, body := range []string{"grant_type=password", "grant_type=unknown", refreshForm("x"), c.user().passwordForm("scope",
			`"`)} {
			x := c.judge(post("/clients/token", body+"&client_id=nobody"))
			c.also("no user is looked for", strings.Join(x.stores, " ") == "ClientByID" && x.hashes == 0, x.stores)
		}
	},
}

// asClient judges a good sign-in with other credentials of a client.
func (c *stage) asClient(line, params string) *exchange {
	body := c.user().passwordForm()
	if params != "" {
		body += "&" + params
	}
	return c.judge(post("/clients/token", body, line))
}

// pctAll escapes every byte.
func pctAll(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + string(hex[s[i]>>4]) + string(hex[s[i]&15]))
	}
	return b.String()
}
