package badinputs

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
)

const (
	bodyCap     = 64 << 10
	chunkedHead = "POST /token HTTP/1.1\r\nHost: api\r\nConnection: close\r\n" + formType + "\r\nTransfer-Encoding: chunked\r\n\r\n"
)

var formBody = cases{
	"FB-001": func(c *stage) {
		query := "?" + c.user().passwordForm()
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "PROPFIND", "X"} {
			for _, path := range []string{"/token", "/strict/token", "/revoke"} {
				c.judge(request(method, path+query, ""))
			}
		}
		c.judge(request("PUT", "/token", c.user().passwordForm(), formType))
	},
	"FB-003": func(c *stage) { c.typed("", "Content-Type:", "Content-Type: ") },
	"FB-004": func(c *stage) {
		body := fmt.Sprintf(`{"grant_type":"password","username":%q,"password":%q}`, c.user().name, c.user().password)
		for _, t := range []string{"application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
			"application/problem+json", "text/json", "application/x-ndjson"} {
			c.each(request("POST", "/token", body, "Content-Type: "+t), request("POST", "/token", c.user().passwordForm(),
				"Content-Type: "+t))
		}
		c.judge(post("/token", body))
	},
	"FB-005": func(c *stage) {
		var parts strings.Builder
		for _, pair := range [][2]string{{"grant_type", "password"}, {"username", c.user().name}, {"password", c.user().password}} {
			fmt.Fprintf(&parts, "--b\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", pair[0], pair[1])
		}
		body := parts.String() + "--b--\r\n"
		for _, t := range []string{"multipart/form-data; boundary=b", `Multipart/Form-Data; boundary="b"`, "multipart/form-data",
			"multipart/form-data; boundary=", "multipart/form-data; boundary=" + strings.Repeat("b", 100),
			"multipart/form-data; boundary=b; boundary=c", "multipart/mixed; boundary=b",
			"multipart/form-data; boundary=b; charset=utf-8", "multipart/x-www-form-urlencoded"} {
			c.each(request("POST", "/token", body, "Content-Type: "+t), request("POST", "/token", c.user().passwordForm(),
				"Content-Type: "+t))
		}
	},
	"FB-006": func(c *stage) {
		c.typed("Content-Type: text/plain", "Content-Type: text/plain; charset=utf-8", "Content-Type: text/html",
			"Content-Type: application/octet-stream", "Content-Type: application/graphql", "Content-Type: application/csp-report",
			"Content-Type: application/x-www-form-urlencodedx", "Content-Type: x-www-form-urlencoded",
			"Content-Type: application/x-www-form-urlencoded, text/plain",
			"Content-Type: text/plain, application/x-www-form-urlencoded", "Content-Type: application / x-www-form-urlencoded",
			"Content-Type: application/x-www-form-urlencoded text/plain", "Content-Type: */*", "Content-Type: application/*",
			"Content-Type: ;", "Content-Type: /")
	},
	"FB-007": func(c *stage) {
		for _, charset := range []string{"utf-16", "utf-16le", "UTF-16BE", "utf-7", "utf-32", "iso-8859-1", "latin1", "shift_jis",
			"ibm037", "us-ascii", "x-user-defined", `"utf-16"`, `""`, "utf8", "utf-8x", "utf-8; charset=utf-16",
			"utf-16; charset=utf-8"} {
			c.typed(formType + "; charset=" + charset)
		}
		c.typed(formType+"; CHARSET=utf-16", formType+"; charset*=utf-8''utf-16", formType+"; charset*0=utf-; charset*1=16")
	},
	"FB-008": func(c *stage) {
		c.typed(formType+"\r\n"+formType, formType+"\r\nContent-Type: text/plain", "Content-Type: text/plain\r\n"+formType,
			formType+"\r\ncontent-type: application/json", formType+"\r\nContent-Type:", formType+"\r\n"+formType+"\r\n"+formType)
	},
	"FB-009": func(c *stage) {
		var bomb bytes.Buffer
		w := gzip.NewWriter(&bomb)
		io.Copy(w, io.LimitReader(endless("x"), 1<<20))
		w.Close()
		for _, encoding := range []string{"gzip", "GZIP", "deflate", "br", "zstd", "compress", "identity", "gzip, gzip", "x-gzip",
			"unknown"} {
			c.each(post("/token", bomb.String(), "Content-Encoding: "+encoding), post("/token", c.user().passwordForm(),
				"Content-Encoding: "+encoding))
		}
	},
	"FB-010": func(c *stage) { c.forms("", "&", "&&&", strings.Repeat("&", 1000)) },
	"FB-011": func(c *stage) {
		for _, body := range []string{"username={u}&password={p}", "username={u}&password={p}&scope=read",
			"Grant_type=password&username={u}&password={p}", "grant-type=password&username={u}&password={p}",
			"grant_type+=password&username={u}&password={p}"} {
			c.judge(post("/strict/token", c.named(body)))
		}
	},
	"FB-012": func(c *stage) {
		c.forms("grant_type=&username={u}&password={p}", "grant_type&username={u}&password={p}",
			"username={u}&password={p}&grant_type=", "grant_type=&refresh_token={RT}", "grant_type=")
		c.judge(post("/strict/token", c.named("grant_type=&username={u}&password={p}")))
	},
	"FB-014": func(c *stage) {
		for _, grant := range []string{"authorization_code", "implicit", "client_credentials", "urn:x",
			"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
			"urn:ietf:params:oauth:grant-type:token-exchange", "Password", "PASSWORD", "password ", " password",
			"password,refresh_token", "refresh-token", "passwor", "null", "p\u0430ssword", "password\n", "*", "__proto__",
			"constructor"} {
			c.judge(post("/token", form("grant_type", grant, "username", c.user().name, "password", c.user().password, "code", "x",
				"assertion", "x", "refresh_token", c.rt(0))))
		}
	},
	"FB-016": func(c *stage) {
		for _, name := range append(slices.Clone(parameters), "unknown") {
			for _, pair := range [][2]string{{"1", "2"}, {"1", "1"}, {"", "1"}, {"1", ""}, {"", ""}} {
				two := name + "=" + pair[0] + "&" + name + "=" + pair[1]
				rest := c.user().without(name)
				c.forms(two+"&"+rest, rest+"&"+two, name+"="+pair[0]+"&"+rest+"&"+pct(name)+"="+pair[1])
			}
		}
		c.forms(c.user().passwordForm() + "&" + c.user().passwordForm())
	},
	"FB-017": func(c *stage) {
		c.forms("grant_type=password&password={p}", "grant_type=password&username=&password={p}",
			"grant_type=password&username&password={p}", "grant_type=password&Username={u}&password={p}",
			"grant_type=password&user={u}&password={p}", "grant_type=password&username[]={u}&password={p}",
			"grant_type=password&user.name={u}&password={p}", "grant_type=password&email={u}&password={p}",
			"grant_type=password&+username={u}&password={p}")
	},
	"FB-018": func(c *stage) {
		var first *exchange
		for _, name := range []string{c.user().name, "nobody-at-all"} {
			for _, rest := range []string{"", "&password=", "&password", "&Password=x", "&pass=x", "&password[]=x"} {
				x := c.judge(post("/token", "grant_type=password&username="+name+rest))
				if first == nil {
					first = x
				}
				c.also("same bytes and time for both", x.body == first.body && sameHeader(x, first) && x.hashes == 0, x)
			}
		}
	},
	"FB-020": func(c *stage) {
		for _, name := range parameters {
			for _, query := range []string{"?" + name + "=admin", "?" + name, "?x=1&" + name + "=", "?" + pct(name) + "=1",
				"?%zz&" + name + "=1", "?" + name + "=1&" + name + "=2"} {
				c.judge(post("/token"+query, c.user().passwordForm()))
			}
		}
		c.judge(post("/token?"+c.user().passwordForm(), ""))
		c.judge(post("/token?username=admin", c.user().without("username")))
	},
	"FB-021": func(c *stage) {
		for _, bad := range []string{"%zz", "%", "%4", "%%", "%g0", "%0g", "% 1", "%u0041", "%-1", "%\u0661\u0661", "a%",
			"%E2%82%"} {
			c.forms("grant_type=password&username="+bad+"&password={p}", "grant_type=password&username={u}&password="+bad,
				"{f}&scope="+bad, "{f}&"+bad+"=1", "{f}&x="+bad, "grant_type="+bad+"&username={u}&password={p}", "{f}&"+bad)
		}
	},
	"FB-022": func(c *stage) {
		c.forms("grant_type=password;username=a", "grant_type=password;username={u};password={p}", "{f};scope=read",
			"grant_type=password&username={u};password={p}", ";{f}", "{f};", "grant_type=password;&username={u}&password={p}",
			"a;b={u}&{f}")
	},
	"FB-023": func(c *stage) {
		c.eachEncoding("%ff", "%c3%28", "%80", "%fe%ff", "%e2%82", "%c3", "%f0%9f%92", "\xff", "a\xc3(", "%f8%88%80%80%80")
	},
	"FB-024": func(c *stage) {
		c.eachEncoding("%c0%af", "%ed%a0%80", "%ed%bf%bf", "%c0%80", "%c1%81", "%e0%80%af", "%f0%80%80%af", "%f4%90%80%80",
			"%ed%a0%bd%ed%b8%80", "\xc0\xaf", "\xed\xa0\x80")
	},
	"FB-026": func(c *stage) {
		for _, over := range []int{1, 2, 100, 64 << 10, 900 << 10} {
			x := c.judge(post("/token", c.padded(bodyCap+over)))
			c.also("read at most cap+1 bytes", x.read <= bodyCap+1, x)
		}
	},
	"FB-027": func(c *stage) {
		head := strings.Replace(chunkedHead, "Connection: close\r\n", "", 1) // or the server would close in any case
		for _, chunk := range []string{"100\r\n" + strings.Repeat("a", 256) + "\r\n", "1\r\na\r\n", "1000\r\n" + strings.Repeat("&",
			4096) + "\r\n"} {
			x := c.judgeWith(head, endless(chunk))
			c.also("read at most cap+1 bytes, then close", x.read <= bodyCap+1 && x.closes, x)
		}
	},
	"FB-030": func(c *stage) {
		body := c.user().passwordForm()
		length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
		good := post("/token", body)
		for _, lines := range []string{"Content-Length: -1\r\n", length + "Content-Length: 1\r\n",
			length + "Transfer-Encoding: chunked\r\n", "Content-Length: +1\r\n", "Content-Length: 1x\r\n",
			"Content-Length: 0x10\r\n", "Content-Length: 1, 2\r\n", "Content-Length: 18446744073709551616\r\n",
			"Content-Length: 1 1\r\n", "Content-Length : 5\r\n", "Content-Length: 5\r\nContent-Length: -5\r\n",
			"Content-Length: \xff\r\n"} {
			c.judge(strings.Replace(good, length, lines, 1) + "\r\n") // the end of what may be taken for a chunk
		}
	},
	"FB-031": func(c *stage) {
		for _, n := range []int{30, 31, 100, 5000, 10_000} { // beside three more
			body := c.named("{f}" + manyParameters(n))
			x := c.judge(post("/token", body[:min(len(body), bodyCap)]))
			c.also("cap 32 parameters", strings.Contains(x.answer().Detail, "Too many parameters"), x)
		}
		c.forms("{f}"+strings.Repeat("&a", 10_000), "{f}"+strings.Repeat("&=", 10_000))
	},
	"FB-032": func(c *stage) {
		for _, n := range []int{60 << 10, 257, 1024} {
			c.forms("{f}&"+strings.Repeat("n", n)+"=1", strings.Repeat("n", n)+"&{f}", "{f}&"+strings.Repeat("%6e", n/3+1)+"=1")
		}
	},
	"FB-034": func(c *stage) {
		var first *exchange
		for _, name := range []string{c.user().name, "nobody-at-all"} {
			for _, password := range []string{strings.Repeat("x", 1025), strings.Repeat("\u00e9", 513),
				c.user().password + strings.Repeat(" ", 1024), strings.Repeat("x", 60<<10)} {
				x := c.judge(post("/token", passwordForm(name, password)))
				if first == nil {
					first = x
				}
				c.also("same time for both", same(x, first), x)
			}
		}
		// The work that is there is the dummy's, not the long password's.
		c.also("not hashed", first.hashes == 1, first)
	},
	"FB-037": func(c *stage) {
		for _, scope := range []string{"a%22b", "a%5Cb", "a%00b", "%c3%a9", "a%0ab", "a%0db", "a%09b", "a%7fb", "a%1fb", "read+%22",
			"%22+read", "read%c2%a0write", "read%e2%80%83write", "%01", "%f0%9f%94%91"} {
			c.forms("{f}&scope="+scope, "grant_type=refresh_token&refresh_token={RT}&scope="+scope)
		}
		for b := range 0x20 {
			c.forms(fmt.Sprintf("{f}&scope=read%%%02x", b))
		}
	},
	"FB-038": func(c *stage) {
		for _, n := range []int{10_000, 257, 1000} {
			c.forms("{f}&scope=" + strings.TrimSuffix(strings.Repeat("abc+", n), "+"))
		}
	},
	"FB-039": func(c *stage) {
		c.forms("{f}&resource=https%3A%2F%2Fevil", "{f}&resource="+url.QueryEscape(audience), "resource=x&{f}",
			"grant_type=refresh_token&refresh_token={RT}&resource=https://evil", "grant_type=x&resource=y")
	},
	"FB-040": func(c *stage) {
		for _, origin := range []string{"https://evil", "null", "http://localhost", issuer} {
			c.each(post("/token", c.user().passwordForm(), "Origin: "+origin, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"),
				post("/token", "", "Origin: "+origin))
		}
	},
	"FB-041": func(c *stage) {
		good := post("/token", c.user().passwordForm())
		c.each(strings.Replace(good, "Host: api\r\n", "", 1), strings.Replace(good, "Host: api\r\n", "Host: api\r\nHost: api\r\n",
			1), strings.Replace(good, "Host: api", "Host: a b", 1), strings.Replace(good, "Host: api", "Host: a\x00b", 1),
			strings.Replace(good, "HTTP/1.1", "HTTP/1.2.3", 1), strings.Replace(good, "HTTP/1.1", "HTTP/x", 1),
			strings.Replace(good, "POST /token", "POST token", 1), strings.Replace(good, "POST /token", "POST /token%zz", 1),
			strings.Replace(good, "POST /token HTTP/1.1", "POST /token", 1), strings.Replace(good, "POST", "P\x00ST", 1),
			strings.Replace(good, "/token", "/tok\x00en", 1), strings.Replace(good, "/token", "/to ken", 1))
	},
	"FB-042": func(c *stage) {
		for _, n := range []int{bodyCap + 1, 1 << 30} {
			head := request("POST", "/token", "", formType, "Expect: 100-continue")
			c.judge(strings.Replace(head, "Content-Length: 0", fmt.Sprintf("Content-Length: %d", n), 1))
		}
	},
	"FB-043": func(c *stage) {
		const xml = `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>` +
			`<r><grant_type>password</grant_type><username>&x;</username></r>`
		for _, t := range []string{"application/xml", "text/xml", "application/soap+xml", "text/xml; charset=utf-8",
			"application/samlassertion+xml"} {
			c.judge(request("POST", "/token", xml, "Content-Type: "+t))
		}
	},
	"FB-044": func(c *stage) {
		for _, path := range []string{"/token/", "/Token", "/TOKEN", "/token.", "/token%20", "/token%00", "/token;x=y", "/token/x",
			"/tokens", "/token%2f", "/clients/Token", "/token%0a", "/token.."} {
			c.judge(post(path, c.user().passwordForm()))
		}
	},
	"FB-049": func(c *stage) {
		x := c.judge(post("/token", c.user().passwordForm()))
		c.also("scope in the response if it differs", x.answer().Scope == scopes, x)
	},
	"FB-050": func(c *stage) {
		pairs := strings.Split(c.user().passwordForm("scope", "read"), "&")
		permute(pairs, func(order []string) {
			x := c.judge(post("/token", strings.Join(order, "&")))
			c.also("token issued", x.answer().Access != "" && x.answer().Scope == "read", x)
		})
	},

	"FBX-01": func(c *stage) { // NUL anywhere
		c.forms("grant_type=password&username={u}%00&password={p}", "grant_type=password&username={u}&password={p}%00",
			"grant_type=password&username=%00&password={p}", "grant_type=password&username={u}\x00&password={p}", "{f}&%00=1",
			"{f}&x%00y=1", "{f}&x=%00", "{f}&client_id=%00", "grant_type=password%00&username={u}&password={p}",
			"grant_type=refresh_token&refresh_token={RT}%00", "{f}&client_secret=a%00b")
		c.each(post("/revoke", "token=%00"), post("/revoke", "token="+c.rt(0)+"%00"))
	},
	"FBX-02": func(c *stage) { // what is strange and allowed
		c.forms("{f}&", "&{f}", "{f}&&&&", "{f}&scope=", "{f}&scope", "{f}&client_id=", "{f}&client_secret=x", "{f}&unknown=x",
			"{f}&x", "{f}&=x", "{f}&=", "{f}&resource=", "{f}&Scope=%22", "{f}&Username=x", "{f}&state=x",
			"username={u}&password={p}", "%67rant_type=password&%75sername={u}&%70assword={p}", "{f}&scope=read",
			"{f}&scope=+read++write+", "{f}&scope=read+read+read", "{f}&scope=read+unknown", "{f}"+manyParameters(29),
			"{f}&"+strings.Repeat("n", 256)+"=1", "{f}&scope="+strings.TrimSuffix(strings.Repeat("read+", 256), "+"))
		c.typed(formType, formType+"; charset=utf-8", formType+";charset=UTF-8", formType+` ; charset="utf-8"`,
			"content-type: APPLICATION/X-WWW-FORM-URLENCODED", formType+"; boundary=x", formType+"\r\nAccept: text/html",
			formType+"\r\nX-HTTP-Method-Override: GET")
		c.judge(post("/token", c.padded(bodyCap)))
		c.judge(post("/token?x=1&Username=admin", c.user().passwordForm()))
		c.judge(post("/strict/token", c.user().passwordForm()))
		c.judge(post("/token", c.user().passwordForm(), "Authorization: Basic Og==", "Cookie: username=admin"))
	},
	"FBX-03": func(c *stage) { // the body in pieces
		body := c.user().passwordForm()
		for _, size := range []int{1, 7, len(body)} {
			var chunks strings.Builder
			for part := range slices.Chunk([]byte(body), size) {
				fmt.Fprintf(&chunks, "%x\r\n%s\r\n", len(part), part)
			}
			c.judge(chunkedHead + chunks.String() + "0\r\n\r\n")
			c.judge(chunkedHead + chunks.String() + "0\r\nUsername: admin\r\n\r\n")
		}
		c.judge(strings.Replace(post("/token", body), "HTTP/1.1", "HTTP/1.0", 1))
		c.judge(strings.Replace(strings.Replace(post("/token", body), "HTTP/1.1", "HTTP/1.0", 1), "Host: api\r\n", "", 1))
		c.judge(post("/token", body, "Expect: 100-continue"))
	},
	"FBX-04": func(c *stage) { // a body that is no good, or not all there
		for _, chunks := range []string{"zz\r\na\r\n0\r\n\r\n", "-1\r\na\r\n0\r\n\r\n", "ffffffffffffffffff\r\n",
			"1\r\nab\r\n0\r\n\r\n", "1\na\n0\n\n\x00", "g\r\n", "5\r\na=bcdefgh\r\n0\r\n\r\n"} {
			c.judge(chunkedHead + chunks)
		}
	},
	"FBX-05": func(c *stage) { // the revocation endpoint reads the same form
		c.each(post("/revoke", ""), post("/revoke", "token="), post("/revoke", "token"), post("/revoke", form("token", c.rt(0),
			"token", c.rt(0))), post("/revoke", form("token", c.rt(0))+"&token_type_hint=a&token_type_hint=b"),
			post("/revoke?"+form("token", c.rt(0)), ""), request("POST", "/revoke", form("token", c.rt(0))), request("POST",
				"/revoke", `{"token":"`+c.rt(0)+`"}`, "Content-Type: application/json"), post("/revoke", "token=%zz"), post("/revoke",
				"token=%ff"), post("/revoke", "Token="+c.rt(0)), post("/revoke", form("refresh_token", c.rt(0))), post("/revoke",
				"token;"+c.rt(0)))
		c.also("the session goes on", c.refreshes(c.rt(0)), "")
	},
	"FBX-06": func(c *stage) { // every parameter over and over, in one
		c.forms("{f}" + strings.Repeat("&scope=read", 30))
		for n := 2; n <= 30; n++ {
			c.forms("{f}&x=" + rand.Text() + strings.Repeat("&y=1", n))
		}
	},
	"FBX-08": func(c *stage) { // both, with good chunks: net/http goes by them
		body := c.user().passwordForm()
		c.judge(strings.Replace(chunkedHead, "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n", 1) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n",
			len(body), body))
	},
	"FBX-07": func(c *stage) { // the same path written otherwise is the router's business, and never replayed to another host
		for _, path := range []string{"/token/../token", "//token", "/./token", "/x/../token", "/token/."} {
			x := c.judge(post(path, c.user().passwordForm()))
			c.also("a redirect goes to this server's own path",
				x.header.Get("Location") == "" || strings.HasPrefix(x.header.Get("Location"), "/token"), x)
		}
	},
}

// parameters are those that the RFCs know.
var parameters = []string{"grant_type", "username", "password", "scope", "client_id", "client_secret", "refresh_token", "token",
	"token_type_hint", "access_token", "client_assertion", "client_assertion_type", "resource", "audience", "code", "code_verifier",
	"redirect_uri", "device_code", "assertion", "subject_token", "actor_token", "requested_token_type", "subject_token_type",
	"state", "response_type"}

// forms judges bodies, in which {f} is the user's whole form, {u} their name and
// {p} their password.
func (c *stage) forms(bodies ...string) {
	for _, body := range bodies {
		c.judge(post("/token", c.named(body)))
	}
}

func (c *stage) named(body string) string {
	u := c.user()
	return c.fill(strings.NewReplacer("{f}", u.passwordForm(), "{u}", url.QueryEscape(u.name), "{p}",
		url.QueryEscape(u.password)).Replace(body))
}

// typed judges the user's good form with other headers than it should have.
func (c *stage) typed(lines ...string) {
	for _, line := range lines {
		c.judge(request("POST", "/token", c.user().passwordForm(), line))
	}
}

// eachEncoding puts bytes that are no UTF-8 wherever there is text.
func (c *stage) eachEncoding(texts ...string) {
	for _, bad := range texts {
		c.forms("grant_type=password&username="+bad+"&password={p}", "grant_type=password&username={u}"+bad+"&password={p}",
			"grant_type=password&username={u}&password="+bad, "grant_type=password&username={u}&password={p}"+bad,
			"{f}&client_id="+bad, "{f}&scope="+bad, "{f}&x="+bad, "{f}&"+bad+"=x", "grant_type="+bad+"&username={u}&password={p}",
			"grant_type=refresh_token&refresh_token="+bad)
	}
}

// without is the user's form without a parameter.
func (u *user) without(name string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(u.passwordForm(), "&"),
		func(pair string) bool { return strings.HasPrefix(pair, name+"=") }), "&")
}

// pct spells the first letter otherwise.
func pct(name string) string { return fmt.Sprintf("%%%02x", name[0]) + name[1:] }

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&p%d=%d", i, i)
	}
	return b.String()
}

// padded is the user's good form, filled up to n bytes.
func (c *stage) padded(n int) string {
	body := c.named("{f}&x=")
	return body + strings.Repeat("x", n-len(body))
}

// permute calls f with each order of list.
func permute(list []string, f func([]string)) {
	var step func(n int)
	step = func(n int) {
		if n == len(list) {
			f(list)
		}
		for i := n; i < len(list); i++ {
			list[n], list[i] = list[i], list[n]
			step(n + 1)
			list[n], list[i] = list[i], list[n]
		}
	}
	step(0)
}

// endless repeats a text.
func endless(text string) io.Reader { return &repeater{text: text} }

type repeater struct {
	text string
	at   int
}

func (r *repeater) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], r.text[r.at:])
		n, r.at = n+m, (r.at+m)%len(r.text)
	}
	return n, nil
}

// same reports whether two answers to sign-ins can't be told apart.
func same(x, y *exchange) bool {
	return x.status == y.status && x.body == y.body && sameHeader(x, y) && slices.Equal(x.stores,
		y.stores) && x.hashes == y.hashes && x.work == y.work
}

func sameHeader(x, y *exchange) bool {
	a, b := x.header.Clone(), y.header.Clone()
	a.Del("Date")
	b.Del("Date")
	return headerText(a) == headerText(b)
}
