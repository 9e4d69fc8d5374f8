package badinputs

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

var jwtStructure = cases{
	"JS-007": func(c *stage) { c.present(c.jwt() + ".") },
	"JS-008": func(c *stage) { c.present(c.jwt()+".x", "x."+c.jwt()) },
	"JS-010": func(c *stage) {
		c.present(jwe(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"c2FsdHNhbHQ"}`))
	},
	"JS-011": func(c *stage) { c.present(jwe(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`)) },
	"JS-013": func(c *stage) { c.present(c.at()+"=", c.at()+"==") },
	"JS-015": func(c *stage) {
		c.session(0)
		h, p, s := split(c.at())
		for i := range s {
			c.present(h + "." + p + "." + s[:i] + "\n" + s[i:])
		}
		c.send(post("/revoke", form("token", h+"."+p+"."+s[:4]+"\n"+s[4:])))
		c.also("Go base64 skips CR/LF even in Strict mode: check the alphabet first", c.lives(c.at()),
			"the token that was mangled no longer lives")
	},
	"JS-016": func(c *stage) {
		c.present(c.at()+"\r\n", c.at()+"\n", c.at()+"\r", "\r\n"+c.at(), "\n"+c.at())
		c.also("same", c.lives(c.at()), "")
	},
	"JS-017": func(c *stage) {
		h, p := b64(head), b64(c.payload())
		c.present(c.seal(h, p[:4]+"\n"+p[4:]), c.seal(h, p+"\n"), c.seal(h, "\r\n"+p), c.seal(h[:4]+"\n"+h[4:], p), c.seal(h+"\r",
			p))
	},
	"JS-019": func(c *stage) {
		h, p, s := split(c.jwt())
		c.present(h[:4]+" "+h[4:]+"."+p+"."+s, h+"."+p[:4]+" "+p[4:]+"."+s, h+"."+p+"."+s[:4]+" "+s[4:], c.seal(h[:4]+" "+h[4:], p),
			c.seal(h, p[:4]+" "+p[4:]), c.jwt()+" ", " "+c.jwt(), strings.ReplaceAll(c.jwt(), ".", " . "))
	},
	"JS-022": func(c *stage) {
		for _, text := range []string{"null", "[]", `"x"`, "1", "true", "{}", "", "[" + head + "]", quote(head)} {
			c.present(c.sign(text, c.payload()))
		}
	},
	"JS-024": func(c *stage) {
		for _, text := range []string{"[]", `"x"`, "1", "null", "true", "{}", "", "[" + c.payload() + "]", quote(c.payload())} {
			c.present(c.sign(head, text))
		}
	},
	"JS-025": func(c *stage) {
		for _, garbage := range []string{"xyz", c.payload(), "{}", ",", "}", "\x00", "//", "\u00a0", "null", "\f"} {
			c.present(c.sign(head, c.payload()+garbage), c.sign(head+garbage, c.payload()), c.sign(head, garbage+c.payload()),
				c.sign(garbage+head, c.payload()))
		}
		c.present(c.sign(head, strings.TrimSuffix(c.payload(), "}")), c.sign(strings.TrimSuffix(head, "}"), c.payload()))
	},
	"JS-027": func(c *stage) {
		c.present(c.sign(head, "\ufeff"+c.payload()), c.sign("\ufeff"+head, c.payload()), c.sign(head, c.payload()+"\ufeff"))
	},
	"JS-028": func(c *stage) {
		for _, bytes := range []string{"\xff", "\xc3\x28", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82",
			"\xfe\xff", "\xc3"} {
			c.present(c.jwt("x", `"a`+bytes+`b"`), c.jwt("x"+bytes, "1"), c.sign(strings.Replace(head, "}", `,"x":"`+bytes+`"}`, 1),
				c.payload()), c.sign(head, c.payload()+bytes))
		}
	},
	"JS-029": func(c *stage) {
		for _, big := range []bool{false, true} {
			c.present(c.sign(head, inUTF16(c.payload(), big)), c.sign(inUTF16(head, big), c.payload()), c.sign(head,
				inUTF16("\ufeff"+c.payload(), big)))
		}
	},
	"JS-031": func(c *stage) {
		for _, second := range []string{c.in(60), c.in(-60), "null", "1"} {
			c.present(c.sign(head, twice(c.payload("exp", c.in(-3600)), `"exp":`+second)), c.sign(head, twice(c.payload(),
				`"exp":`+second)), c.sign(head, twice(c.payload(), `"\u0065xp":`+second)))
		}
	},
	"JS-032": func(c *stage) {
		for _, twin := range []string{"Exp", "EXP", "eXp", "exP", `\u0045xp`} {
			c.present(c.jwt("exp", "1", twin, c.in(60)), c.jwt(twin, c.in(60)), c.jwt("exp", absent, twin, c.in(60)))
		}
	},
	"JS-036": func(c *stage) {
		for _, depth := range []int{100, 33, 1000, 2500} {
			c.present(c.jwt("x", nested("[", "]", depth)), c.jwt("x", nested(`{"a":`, "}", depth)))
		}
	},
	"JS-037": func(c *stage) {
		c.present(c.sign(head, twice(c.payload(), manyMembers(700))), c.sign(head, twice(c.payload(), manyMembers(10_000))),
			c.jwt("x", "{"+manyMembers(257)+"}"))
	},
	"JS-038": func(c *stage) {
		for _, number := range []string{"1e400000", "-1e400000", "1e309", strings.Repeat("9", 400), "1e" + strings.Repeat("9",
			4000)} {
			c.present(c.jwt("x", number), c.jwt("x", "["+number+"]"), c.sign(strings.Replace(head, "}", `,"x":`+number+`}`, 1),
				c.payload()))
		}
		c.also("bounded time", c.takes(&exchange{sent: get("/items", bearer(c.jwt("x", "1e400000")))}, time.Millisecond), "")
	},
	"JS-039": func(c *stage) {
		inner := c.jwt()
		c.present(c.sign(`{"typ":"at+jwt","alg":"ES256","kid":"current","cty":"JWT"}`, inner), c.sign(head, inner), c.sign(head,
			quote(inner)))
	},
	"JS-040": func(c *stage) {
		h, _, s := split(c.jwt())
		c.present(h+".."+s, c.seal(h, ""))
	},
	"JS-041": func(c *stage) {
		for _, extra := range []string{`"b64":false,"crit":["b64"]`, `"b64":false`, `"b64":true,"crit":["b64"]`, `"b64":true`,
			`"b64":null`, `"crit":["b64"]`} {
			h := strings.Replace(head, "{", "{"+extra+",", 1)
			c.present(c.seal(b64(h), c.payload()), c.sign(h, c.payload()))
		}
	},
	"JS-043": func(c *stage) {
		c.present("2f8e2f6e-0f2c-4f0e-9d8e-3c1a5b7d9e0f", "6a204bd89f3c8348afd5c77c717a097a", "ya29.a0AfB_byC",
			"gho_16C7e42F292c6912E7710c838347Ae178B4a", "xoxb-123-456-abc")
	},
	"JS-044": func(c *stage) { c.present(c.at()[:len(c.at())-1]) },
	"JS-046": func(c *stage) {
		spaced := strings.NewReplacer("{", " {\r\n\t", `":`, "\" :\n ", `,"`, " , \t\"", "}", "\n}\r\n ").Replace
		c.present(c.sign(head, spaced(c.payload())), c.sign(spaced(head), c.payload()), c.sign(head, "\t"+c.payload()+"\n"))
	},
	"JS-047": func(c *stage) {
		for _, value := range []string{`"v"`, "1", "-0.5e+1", "true", "null", "[]", "{}", `{"a":[1,{"b":null}]}`,
			`"\u00e9\ud83d\ude00\b\f\n\r\t\/\\\""`, `"😀"`} {
			c.present(c.jwt("https://example.com/x", value))
		}
	},

	"JSX-01": func(c *stage) {
		h, p, s := split(c.jwt())
		c.present(".", "..", "...", h, h+".", h+"."+p, h+"."+p+".", "."+p+"."+s, h+".."+s, ".."+s, h+"..", "."+h+"."+p+"."+s)
		for n := range 9 {
			c.present(h+strings.Repeat("."+h, n), c.jwt()+strings.Repeat(".", n+1), c.jwt()+strings.Repeat("."+s, n+1))
		}
	},
	"JSX-02": func(c *stage) { // each byte that is none of base64url, in each segment, signed as it is
		h, p, s := split(c.jwt())
		for b := range 0x100 {
			at := string([]byte{byte(b)})
			if strings.Contains("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", at) {
				continue
			}
			c.present(h+"."+p+"."+s[:8]+at+s[8:], h+"."+p+"."+s[:8]+at+s[9:])
			if b%8 == 0 || b < 0x40 || b == 0x7f {
				c.present(c.seal(h, p[:8]+at+p[8:]), c.seal(h[:8]+at+h[8:], p))
			}
		}
	},
	"JSX-03": func(c *stage) { // bits that no byte is made of, set
		h, p, s := split(c.jwt("x", `"1"`))
		for _, segment := range []*string{&h, &p, &s} {
			good := *segment
			for _, bad := range unusedBits(good) {
				*segment = bad
				if segment == &s {
					c.present(h + "." + p + "." + s)
				} else {
					c.present(c.seal(h, p))
				}
			}
			*segment = good
		}
		for _, pad := range []string{"x", "xx", "xxx"} {
			p := c.payload("x", quote(pad))
			for _, bad := range unusedBits(b64(p)) {
				c.present(c.seal(h, bad))
			}
		}
	},
	"JSX-04": func(c *stage) { // every length, and every byte of the signature changed
		token := c.at()
		for n := 1; n < len(token); n += 1 + n/64 {
			c.present(token[:n], token[n:])
		}
		h, p, s := split(token)
		for i := range s {
			for _, with := range []byte("Aa0-") {
				if s[i] != with {
					c.present(h + "." + p + "." + s[:i] + string(with) + s[i+1:])
				}
			}
		}
	},
	"JSX-05": func(c *stage) { // padded, and in the other alphabet
		p := c.payload("x", `"???>>>???~~~"`)
		for ; len(p)%3 != 2; p += " " {
			c.present(c.seal(b64(head), base64.RawStdEncoding.EncodeToString([]byte(p))))
		}
		c.present(c.seal(b64(head), base64.URLEncoding.EncodeToString([]byte(p))), c.seal(b64(head), b64(p)+"="),
			c.seal(b64(head)+"=", b64(p)), c.seal(b64(head)+"==", b64(p)))
	},
	"JSX-06": func(c *stage) { // registered names twice, and their twins
		for _, name := range registered {
			value := valueOf(c.payload(), name)
			c.present(c.sign(head, twice(c.payload(name, value), `"`+name+`":`+value)), c.sign(head, twice(c.payload(name, value),
				`"`+escaped(name)+`":`+value)))
			for _, twin := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:],
				name[:len(name)-1] + strings.ToUpper(name[len(name)-1:])} {
				c.present(c.jwt(twin, value), c.jwt(name, absent, twin, value))
			}
		}
		for _, name := range []string{"alg", "typ", "kid", "crit", "b64", "enc", "zip"} {
			h := strings.Replace(head, "}", `,"`+strings.ToUpper(name)+`":"x"}`, 1)
			c.present(c.sign(h, c.payload()))
		}
		for _, twin := range []string{`"alg":"ES256"`, `"alg":"none"`, `"kid":"current"`, `"typ":"at+jwt"`, `"\u0061lg":"ES256"`,
			`"x":1,"x":1`} {
			c.present(c.sign(twice(head, twin), c.payload()), c.sign(strings.Replace(head, "{", "{"+twin+",", 1), c.payload()))
		}
		c.present(c.jwt("\u017fub", `"u-crafted"`), c.jwt("\u212a", "1", "i\u017fs", "1")) // which fold to ASCII
	},
	"JSX-07": func(c *stage) { // texts that lax readers take for JSON
		for _, value := range []string{"01", "+1", ".5", "1.", "0x1", "NaN", "Infinity", "-Infinity", "-", "1e", "1e+", "--1",
			"1_000", "'x'", "x", "True", "nul", "undefined", `"\x41"`, `"\u12"`, `"\u123g"`, `"\ud800"`, `"\ud800\u0041"`,
			`"\udc00"`, `"\ud83d\ud83d"`, `"a`, `"\"`, "[1,]", "[,1]", "[1 2]", "[", "]", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`,
			`{a:1}`, `{"a" 1}`, `{1:1}`, "/**/1", "1/**/", "//\n1", "", "1,", `"x"y`, "{]", "[}", "\u00a01", "\f1", "\v1", "\x001",
			"1\x00"} {
			c.present(c.jwt("x", value), c.sign(strings.Replace(head, "}", `,"x":`+value+`}`, 1), c.payload()))
		}
	},
	"JSX-08": func(c *stage) { // control characters as they are
		for b := range 0x20 {
			at := string(rune(b))
			c.present(c.jwt("x", `"a`+at+`b"`), c.jwt("a"+at, "1"))
			if !strings.Contains("\t\n\r", at) {
				c.present(c.sign(head, at+c.payload()), c.sign(head, c.payload()+at))
			}
		}
	},
	"JSX-09": func(c *stage) { // at the bounds, which are no part of what is bad
		c.present(c.jwt("x", nested("[", "]", 31)), c.jwt("x", "{"+manyMembers(256)+"}"), c.jwt(`\u0078`, "1"), c.jwt("x", "1e308"),
			c.jwt("x", "-0"), c.jwt("x", `"\u0000"`))
		c.present(c.longest(8192))
	},
	"JSX-10": func(c *stage) { c.present(c.longest(8193), c.longest(8194), c.longest(9000)) },
	"JSX-11": func(c *stage) { // other forms that carry a token
		h, p, s := split(c.jwt())
		c.present(fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p, h, s),
			fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p, h, s), "Bearer "+c.jwt(),
			c.jwt()+","+c.jwt(), c.jwt()+"~", "v4.public."+p, "<saml:Assertion/>", quote(c.jwt()), c.jwt()+"#", b64(c.jwt()),
			h+"%2E"+p+"%2E"+s)
	},
	"JSX-12": func(c *stage) { // a Guard refuses by form what no header may have
		for _, between := range []string{" ", "  ", "\t"} {
			h, p, s := split(c.jwt())
			for _, token := range []string{h[:4] + between + h[4:] + "." + p + "." + s, h + "." + p + between + "." + s,
				h + "." + p + "." + s[:4] + between + s[4:]} {
				c.judge(get("/items", bearer(token)))
			}
		}
	},
}

// registered are the claims that the library reads.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time", "acr", "amr",
	"cnf", "epoch"}

// valueOf is a good value of a registered claim.
func valueOf(payload, name string) string {
	if _, rest, ok := strings.Cut(payload, `"`+name+`":`); ok {
		value, _, _ := strings.Cut(rest, `,"`)
		return strings.TrimSuffix(value, "}")
	}
	switch name {
	case "nbf", "auth_time", "epoch":
		return "1"
	case "amr":
		return `["pwd"]`
	case "cnf":
		return `{"jkt":"x"}`
	}
	return `"x"`
}

// escaped spells the first letter otherwise.
func escaped(name string) string { return fmt.Sprintf(`\u%04x`, name[0]) + name[1:] }

// twice adds members to an object.
func twice(object, members string) string { return object[:len(object)-1] + "," + members + "}" }

func nested(open, end string, depth int) string {
	middle := ""
	if strings.Contains(open, ":") {
		middle = "1"
	}
	return strings.Repeat(open, depth) + middle + strings.Repeat(end, depth)
}

func manyMembers(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"m%d":0`, i)
	}
	return strings.Join(members, ",")
}

func inUTF16(s string, big bool) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		pair := []byte{byte(unit), byte(unit >> 8)}
		if big {
			slices.Reverse(pair)
		}
		out = append(out, pair...)
	}
	return string(out)
}

// jwe is of five segments.
func jwe(head string) string {
	return b64(head) + "." + b64(strings.Repeat("k", 24)) + "." + b64("iviviviviviv") + "." + b64(strings.Repeat("\x00",
		256)) + "." + b64(strings.Repeat("t", 16))
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// unusedBits are other spellings of what a segment encodes, if there are any.
func unusedBits(segment string) (spellings []string) {
	unused := []int{2: 4, 3: 2}[max(2, len(segment)%4)]
	if len(segment)%4 < 2 {
		return nil
	}
	last := strings.IndexByte(base64url, segment[len(segment)-1])
	for bits := 1; bits < 1<<unused; bits++ {
		spellings = append(spellings, segment[:len(segment)-1]+base64url[last|bits:last|bits+1])
	}
	return spellings
}

// longest is a good token of n bytes.
func (c *stage) longest(n int) string {
	const signature = 86
	for size := n*3/4 - 400; ; size++ {
		p := c.payload("jti", `"longest"`, "x", quote(strings.Repeat("x", size)))
		// Base64 has no segment of every length, so the header takes what is left.
		for _, h := range []string{head, head + " ", head + "  "} {
			if len(b64(h))+1+len(b64(p))+1+signature == n {
				return c.sign(h, p)
			}
		}
		c.need(size < n, "no token has %d bytes", n)
	}
}
