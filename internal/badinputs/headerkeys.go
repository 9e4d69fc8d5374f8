package badinputs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/passbearer/passbearer/jwttoken"
)

var jwtHeaderKeys = cases{
	"JK-001": func(c *stage) {
		for bits := range 1 << len("none") {
			h := headOf(jwttoken.Algorithm(inCase("none", bits)), kidCurrent)
			c.present(b64(h)+"."+b64(c.payload())+".", b64(h)+"."+b64(c.payload())+".AA", c.sign(h, c.payload()))
		}
		for _, alg := range []string{"", "none ", " none", "none\x00", "n\u043ene", "null", "NULL", "0"} {
			h := `{"typ":"at+jwt","alg":` + quoteJSON(alg) + `,"kid":"current"}`
			c.present(b64(h)+"."+b64(c.payload())+".", c.sign(h, c.payload()))
		}
	},
	"JK-004": func(c *stage) {
		for _, h := range []string{`{"typ":"at+jwt","kid":"current"}`, `{"typ":"at+jwt","alg":null,"kid":"current"}`,
			`{"typ":"at+jwt","alg":"","kid":"current"}`, `{"typ":"at+jwt","alg":1,"kid":"current"}`,
			`{"typ":"at+jwt","alg":["ES256"],"kid":"current"}`, `{"typ":"at+jwt","alg":{"ES256":1},"kid":"current"}`,
			`{"typ":"at+jwt","alg":true,"kid":"current"}`} {
			c.present(c.sign(h, c.payload()), b64(h)+"."+b64(c.payload())+".")
		}
	},
	"JK-009": func(c *stage) {
		c.confuse(func(public any) (secrets []string) {
			text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(public))}))
			return []string{text, strings.TrimSuffix(text, "\n"), strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text,
				"\n", "")}
		})
	},
	"JK-010": func(c *stage) {
		c.confuse(func(public any) []string {
			key, ok := public.(*rsa.PublicKey)
			if !ok {
				return nil
			}
			text := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(key)}))
			return []string{text, strings.TrimSuffix(text, "\n")}
		})
	},
	"JK-011": func(c *stage) {
		c.confuse(func(public any) []string {
			secrets := []string{string(must(x509.MarshalPKIXPublicKey(public)))}
			if key, ok := public.(*rsa.PublicKey); ok {
				secrets = append(secrets, string(x509.MarshalPKCS1PublicKey(key)), string(key.N.Bytes()), key.N.String(),
					key.N.Text(16))
			}
			return secrets
		})
	},
	"JK-015": func(c *stage) {
		c.confuse(func(public any) (secrets []string) {
			raw := must(x509.MarshalPKIXPublicKey(public))
			for _, n := range []int{32, 33, 64, 65} { // a point, with and without what says so
				if n <= len(raw) {
					secrets = append(secrets, string(raw[len(raw)-n:]), b64(string(raw[len(raw)-n:])))
				}
			}
			return secrets
		})
	},
	"JK-016": func(c *stage) {
		for _, secret := range []string{"", "\x00", "secret", "your-256-bit-secret",
			"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", strings.Repeat("\x00", 32),
			"HS256", string(c.kidBytes())} {
			for alg := range c.verifying() {
				c.presentAt("/key/"+string(alg), c.hmac("HS256", kidOf(alg), secret))
			}
			c.present(c.hmac("HS256", kidCurrent, secret))
		}
	},
	"JK-018": func(c *stage) {
		signing := c.signing()
		for set := range signing {
			for _, alg := range allAlgorithms {
				for by, key := range signing {
					if string(set) != alg && canSign(alg, key) && (by != jwttoken.HS256 || strings.HasPrefix(alg, "HS")) {
						c.presentAt("/key/"+string(set), c.token(headOf(jwttoken.Algorithm(alg), kidOf(set)), alg, key))
					}
				}
			}
		}
	},
	"JK-020": func(c *stage) {
		for _, salt := range []int{0, 1, 16, 20, 31, 33, 48, 64, 128, rsa.PSSSaltLengthAuto} {
			signed := b64(headOf(jwttoken.PS256, kidOf(jwttoken.PS256))) + "." + b64(c.payload())
			c.presentAt("/key/PS256", signed+"."+b64(string(pss(c.rsa, "PS256", signed, salt))))
		}
		c.also("set VerifyOptions SaltLength=EqualsHash or refuse PS*", c.send(get("/key/PS256",
			bearer(c.token(headOf(jwttoken.PS256, kidOf(jwttoken.PS256)), "PS256", c.rsa)))).status == 200,
			"the right salt is refused")
	},
	"JK-021": func(c *stage) {
		signed := b64(headOf(jwttoken.RS256, kidOf(jwttoken.RS256))) + "." + b64(c.payload())
		for _, encoded := range badPaddings(digest("RS256", signed)) {
			c.presentAt("/key/RS256", signed+"."+b64(string(c.rawRSA(encoded))))
		}
		good := signed + "." + b64(string(c.rawRSA(padding(oidSHA256, digest("RS256", signed)))))
		c.need(c.send(get("/key/RS256", bearer(good))).status == 200, "the right padding is refused, so that this tests nothing")
	},
	"JK-022": func(c *stage) {
		n, p := elliptic.P256().Params().N, elliptic.P256().Params().P
		one := big.NewInt(1)
		edges := []*big.Int{new(big.Int), one, new(big.Int).Sub(n, one), n, new(big.Int).Add(n, one), new(big.Int).Sub(p, one), p,
			new(big.Int).Sub(new(big.Int).Lsh(one, 256), one), new(big.Int).Sub(p, n)}
		for _, r := range edges {
			for _, s := range edges {
				c.present(b64(head) + "." + b64(c.payload()) + "." + b64(string(pair(r, s, 32))))
			}
		}
	},
	"JK-023": func(c *stage) {
		h, p, signature := split(c.jwt())
		raw := must(base64.RawURLEncoding.DecodeString(signature))
		r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
		forms := [][]byte{must(asn1.Marshal([]*big.Int{r, s})), raw[:63], raw[1:], append(raw[:64:64], 0), append([]byte{0},
			raw...), nil, raw[:32], append(raw[:64:64], raw...), pair(r, s, 48), pair(r, s, 33), append([]byte{4}, raw...),
			slices.Concat(raw[32:], raw[:32]), []byte(fmt.Sprintf("%x", raw))}
		for _, form := range forms {
			c.present(h + "." + p + "." + b64(string(form)))
		}
	},
	"JK-025": func(c *stage) {
		c.session(0)
		twin := c.twin(c.at())
		c.need(c.send(post("/revoke", form("token", c.rt(0)))).status == 200, "log out")
		c.present(c.at(), twin)
		c.also("revocation is by jti, never by hash of the token text", !c.lives(twin), "")
	},
	"JK-026": func(c *stage) {
		c.present(c.token(head, "ES256", c.p384), c.token(headOf("ES384", kidCurrent), "ES384", c.p384))
		signed := b64(head) + "." + b64(c.payload())
		r, s := must2(ecdsa.Sign(rand.Reader, c.p384, digest("ES256", signed)))
		c.present(signed+"."+b64(string(pair(r, s, 48))), signed+"."+b64(string(append(r.Bytes()[:32], s.Bytes()[:32]...))))
		for _, key := range []any{c.p384, &c.p384.PublicKey} {
			_, err := jwttoken.NewKey(jwttoken.ES256, key, "k")
			c.need(err != nil, "a key on P-384 is taken for ES256")
		}
	},
	"JK-027": func(c *stage) {
		l, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
		for range 8 {
			signed := b64(headOf(jwttoken.EdDSA, kidOf(jwttoken.EdDSA))) + "." + b64(c.payload())
			raw := rawSignature("EdDSA", c.ed, signed)
			s := new(big.Int).SetBytes(reversed(raw[32:]))
			for times := int64(1); times <= 8; times++ {
				other := new(big.Int).Add(s, new(big.Int).Mul(l, big.NewInt(times)))
				if other.BitLen() <= 256 {
					c.presentAt("/key/EdDSA", signed+"."+b64(string(raw[:32])+string(reversed(other.FillBytes(make([]byte, 32))))))
				}
			}
			for _, bad := range [][]byte{make([]byte, 64), bytes.Repeat([]byte{0xff}, 64), append([]byte{1}, make([]byte, 63)...),
				raw[:63], append(raw[:64:64], 0), nil, slices.Concat(raw[32:], raw[:32]), append(raw[:32:32], make([]byte,
					32)...)} {
				c.presentAt("/key/EdDSA", signed+"."+b64(string(bad)))
			}
		}
	},
	"JK-029": func(c *stage) {
		for _, alg := range []string{"Ed448", "Ed25519", "ED25519", "EDDSA", "eddsa", "EdDSA ", "ES256"} {
			h := headOf(jwttoken.Algorithm(alg), kidOf(jwttoken.EdDSA))
			c.presentAt("/key/EdDSA", c.token(h, "EdDSA", c.ed), c.token(strings.Replace(h, "}", `,"crv":"Ed448"}`, 1), "EdDSA",
				c.ed))
		}
		h := headOf(jwttoken.EdDSA, kidOf(jwttoken.EdDSA))
		c.presentAt("/key/EdDSA", b64(h)+"."+b64(c.payload())+"."+b64(strings.Repeat("x", 114)),
			b64(h)+"."+b64(c.payload())+"."+b64(strings.Repeat("x", 57)))
	},
	"JK-030": func(c *stage) {
		for _, alg := range []string{"ES256K", "RS1", "HS1", "RSA-OAEP", "RSA-OAEP-256", "RSA1_5", "dir", "A128KW", "A256GCMKW",
			"ECDH-ES", "PBES2-HS256+A128KW", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
			"ES384", "ES512", "EdDSA", "ML-DSA-65", "es256", "ES256 ", " ES256", "ES-256", "ES256\x00", "SHA256", "*",
			"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"} {
			c.present(c.sign(`{"typ":"at+jwt","alg":`+quoteJSON(alg)+`,"kid":"current"}`, c.payload()))
		}
	},
	"JK-033": func(c *stage) {
		for _, kid := range []string{"unknown", "CURRENT", "Current", "current ", " current", "current\x00", "currentcurrent",
			"curren", "0", "k\u0131d", kidOf(jwttoken.RS256), "."} {
			c.present(c.sign(`{"typ":"at+jwt","alg":"ES256","kid":`+quoteJSON(kid)+`}`, c.payload()))
		}
		c.present(c.sign(`{"typ":"at+jwt","alg":"ES256"}`, c.payload()), c.token(`{"typ":"at+jwt","alg":"ES256"}`, "ES256",
			c.previous)) // two keys, so there is a choice
		c.also("<= 1 refresh per min", c.trap.hits.Load() == 0, "")
	},
	"JK-034": func(c *stage) {
		n := times(200, 10_000)
		signature := signature("ES256", c.foreign, "x")
		flat := allocates(100*4<<10, func() {
			for range 100 {
				c.guard.Check(must(newRequest("/items", b64(headOf("ES256", rand.Text()))+"."+b64("{}")+"."+signature)))
			}
		})
		tokens := make([]string, n)
		for i := range tokens {
			tokens[i] = get("/items", bearer(b64(headOf("ES256", rand.Text()+c.trap.url))+"."+b64(c.payload())+"."+signature))
		}
		for part := range slices.Chunk(tokens, 50) {
			c.volley(part)
		}
		c.also("key refreshes <= 1", c.trap.hits.Load() == 0, c.trap.hits.Load())
		c.also("memory flat", flat, "")
	},
	"JK-037": func(c *stage) {
		c.present(c.token(headOf("ES256", kidRetired), "ES256", c.retired), c.token(headOf("ES256", kidCurrent), "ES256",
			c.retired), c.token(headOf("ES256", kidPrevious), "ES256", c.retired), c.token(head, "ES256", c.foreign), c.token(head,
			"ES256", c.previous), c.token(headOf("ES256", kidPrevious), "ES256", c.current))
	},
	"JK-038": func(c *stage) {
		for _, kid := range []string{"../../../../dev/null", "/dev/null", "/proc/sys/kernel/randomize_va_space", `..\..\nul`,
			"file:///dev/null", "/etc/hostname", "..%2f..%2fdev%2fnull"} {
			for _, secret := range []string{"", "\n", "2", "2\n"} {
				c.present(c.hmac("HS256", kid, secret))
			}
			for alg := range c.verifying() {
				c.presentAt("/key/"+string(alg), c.hmac("HS256", kid, ""))
			}
		}
	},
	"JK-039": func(c *stage) {
		for _, kid := range []string{"x' UNION SELECT 'secret'--", `x" OR "1"="1`, "' OR 1=1 --", "current' --",
			"current'; DROP TABLE keys; --", "{{7*7}}", "${jndi:ldap://" + c.trap.url + "}", "$(id)", "`id`"} {
			c.present(c.hmac("HS256", kid, "secret"), c.sign(`{"typ":"at+jwt","alg":"ES256","kid":`+quoteJSON(kid)+`}`,
				c.payload()))
		}
	},
	"JK-040": func(c *stage) {
		for _, raw := range []string{quote("|sleep 10"), quote("http://evil/"), quote(c.trap.url), quote(strings.Repeat("k",
			7<<10)), quote(strings.Repeat("k", 4<<10)), "null", "1", "[]", "{}", "true", `""`, `["current"]`, `{"current":1}`,
			`"\u0000"`, "-0", "1e400"} {
			c.present(c.sign(`{"typ":"at+jwt","alg":"ES256","kid":`+raw+`}`, c.payload()))
		}
	},
	"JK-041": func(c *stage) { c.ownKey("jku") },
	"JK-042": func(c *stage) { c.ownKey("x5u") },
	"JK-044": func(c *stage) {
		chain := quote(base64.StdEncoding.EncodeToString(c.selfSigned()))
		point := string(must(c.foreign.PublicKey.Bytes())[1:])
		jwk := fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"current","x":%q,"y":%q}`, b64(point[:32]), b64(point[32:]))
		for _, extra := range []string{`"x5c":[` + chain + `]`, `"x5c":[]`, `"x5c":null`, `"jwk":` + jwk,
			`"jwk":` + jwk + `,"x5c":[` + chain + `]`, `"x5t":"x"`, `"x5t#S256":"x"`} {
			for _, kid := range []string{`"kid":"current",`, `"kid":"foreign",`, ""} {
				c.present(c.token(`{"typ":"at+jwt","alg":"ES256",`+kid+extra+"}", "ES256", c.foreign))
			}
		}
	},
	"JK-046": func(c *stage) { c.extraHeader(`"crit":[]`) },
	"JK-047": func(c *stage) {
		c.extraHeader(`"crit":["alg"]`, `"crit":["exp","exp"]`, `"crit":"foo"`, `"crit":[1]`, `"crit":["x"]`, `"crit":["x"],"x":1`,
			`"crit":["exp"],"exp":1`, `"crit":null`, `"crit":{}`, `"crit":true`, `"crit":""`,
			`"crit":["http://example.invalid/UNDEFINED"],"http://example.invalid/UNDEFINED":true`, `"crit":["crit"]`, `"crit":[""]`,
			`"crit":[null]`, `"crit":["b64","x"],"b64":true`, `"crit":["kid","typ"]`)
	},
	"JK-049": func(c *stage) {
		for _, typ := range []string{"logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", "JWT", "jwt", "JOSE", "jose", "at", "at+",
			"+jwt", "at+jwts", "xat+jwt", "at jwt", "at-jwt", "rt+jwt", "token-introspection+jwt", "text/at+jwt", "application/jwt",
			"application/", "application/application/at+jwt", "/at+jwt", "at+jwt ", " at+jwt", "at+jwt;x=y", "at+jwt\x00",
			"at+\u0458wt", "entity-statement+jwt"} {
			c.present(c.sign(`{"typ":`+quoteJSON(typ)+`,"alg":"ES256","kid":"current"}`, c.payload()))
		}
	},
	"JK-050": func(c *stage) {
		for _, typ := range []string{"", `"typ":1,`, `"typ":null,`, `"typ":"",`, `"typ":["at+jwt"],`, `"typ":{},`, `"typ":true,`,
			`"TYP":"at+jwt",`, `"cty":"at+jwt",`} {
			c.present(c.sign("{"+typ+`"alg":"ES256","kid":"current"}`, c.payload()))
		}
	},
	"JK-052": func(c *stage) {
		for _, name := range []string{"enc", "zip", "p2c"} {
			for _, value := range []string{`"DEF"`, "1", "2147483647", "null", `""`, "[]", "{}"} {
				c.extraHeader(`"` + name + `":` + value)
			}
		}
	},
	"JK-053": func(c *stage) {
		for n := range 32 {
			_, err := jwttoken.NewKey(jwttoken.HS256, make([]byte, n), "")
			c.config(fmt.Sprintf("HS256 with %d bytes", n), err)
		}
		_, err := jwttoken.NewKey(jwttoken.HS256, strings.Repeat("x", 32), "")
		c.config("HS256 with a string", err)
	},
	"JK-055": func(c *stage) {
		for name, key := range c.weakRSA() {
			for _, alg := range []jwttoken.Algorithm{jwttoken.RS256, jwttoken.PS256} {
				_, err := jwttoken.NewKey(alg, key, "k")
				c.config(name, err)
			}
		}
	},
	"JK-056": func(c *stage) {
		for alg, key := range c.signing() {
			if alg == jwttoken.HS256 {
				continue
			}
			symmetric, other := must(jwttoken.NewKey(jwttoken.HS256, c.secret, "s")), must(jwttoken.NewKey(alg, key, "a"))
			_, err := jwttoken.NewKeys(symmetric, other)
			c.config("HS256 and "+string(alg), err)
			_, err = jwttoken.NewKeys(other, symmetric)
			c.config(string(alg)+" and HS256", err)
		}
	},
	"JK-057": func(c *stage) {
		for alg, key := range c.signing() {
			one := must(jwttoken.NewKey(alg, key, "same"))
			_, err := jwttoken.NewKeys(one, one)
			c.config("the same id", err)
			one = must(jwttoken.NewKey(alg, key, ""))
			_, err = jwttoken.NewKeys(one, one)
			c.config("the same derived id", err)
		}
		_, err := jwttoken.NewKeys(must(jwttoken.NewKey(jwttoken.RS256, c.rsa, "same")), must(jwttoken.NewKey(jwttoken.PS256, c.rsa,
			"other")), must(jwttoken.NewKey(jwttoken.ES256, c.current, "same")))
		c.config("the same id for two algorithms", err)
	},
	"JK-059": func(c *stage) {
		_, err := jwttoken.NewKeys()
		c.config("no keys", err)
		_, err = jwttoken.NewKeys(jwttoken.Key{})
		c.config("the zero key", err)
		for _, alg := range []jwttoken.Algorithm{"none", "None", "NONE", "", "HS512", "RS1", "ES256K"} {
			for _, key := range []any{nil, []byte{}, c.secret, c.rsa, c.current, c.ed} {
				_, err = jwttoken.NewKey(alg, key, "k")
				c.config("the algorithm "+string(alg), err)
			}
		}
		_, err = jwttoken.NewVerifier(c.ownKeys(), issuer, audience,
			&jwttoken.Options{Foreign: &jwttoken.Foreign{Types: []string{}}})
		c.config("no types", err)
	},
	"JK-060": func(c *stage) {
		for name, err := range map[string]error{
			"no issuer":         second(jwttoken.NewVerifier(c.ownKeys(), "", audience, nil)),
			"no audience":       second(jwttoken.NewVerifier(c.ownKeys(), issuer, "", nil)),
			"neither":           second(jwttoken.New(c.ownKeys(), "", "", nil)),
			"no keys":           second(jwttoken.New(nil, issuer, audience, nil)),
			"the zero keys":     second(jwttoken.New(new(jwttoken.Keys), issuer, audience, nil)),
			"a negative expiry": second(jwttoken.New(c.ownKeys(), issuer, audience, &jwttoken.Options{MaxLifetime: -1})),
			"one skipped":       second(jwttoken.New(c.ownKeys(), "", "", &jwttoken.Options{InsecureSkipIssuer: true})),
			"the other":         second(jwttoken.New(c.ownKeys(), "", "", &jwttoken.Options{InsecureSkipAudience: true})),
		} {
			c.config(name, err)
		}
		v := must(jwttoken.NewVerifier(c.ownKeys(), issuer, audience, &jwttoken.Options{Now: c.clock.now,
			Foreign: &jwttoken.Foreign{Required: []string{}}}))
		_, err := v.VerifyToken(c.ctx, c.jwt("exp", absent))
		c.config("no expiry in the token, whatever is required", err)
	},
	"JK-062": func(c *stage) {
		c.present(c.token(headOf("ES256", kidPrevious), "ES256", c.previous), c.token(headOf("ES256", kidCurrent), "ES256",
			c.current))
	},

	"JKX-01": func(c *stage) { // any way to write the type and the other parameters
		for bits := range 1 << len("atjwt") {
			typ := inCase("at", bits&3) + "+" + inCase("jwt", bits>>2)
			c.present(c.sign(`{"typ":"`+typ+`","alg":"ES256","kid":"current"}`, c.payload()),
				c.sign(`{"typ":"application/`+typ+`","alg":"ES256","kid":"current"}`, c.payload()))
		}
		for _, extra := range []string{`"x":1`, `"cty":"json"`, `"iss":"x"`, `"url":"` + c.trap.url + `"`, `"nonce":"x"`,
			`"exp":1`} {
			c.present(c.sign(twice(head, extra), c.payload()))
		}
		for alg, key := range c.signing() {
			c.presentAt("/key/"+string(alg), c.token(headOf(alg, kidOf(alg)), string(alg), key),
				c.token(fmt.Sprintf(`{"typ":"at+jwt","alg":%q}`, alg), string(alg), key)) // one key, so there is no choice
		}
	},
	"JKX-02": func(c *stage) { // where to get a key from, on a good token: not followed, and no reason to refuse it
		for _, name := range []string{"jku", "x5u"} {
			c.present(c.sign(twice(head, fmt.Sprintf("%q:%q", name, c.trap.url)), c.payload()))
		}
		c.present(c.sign(twice(head, `"x5c":[],"jwk":{}`), c.payload()))
	},
	"JKX-03": func(c *stage) { // every signature but the right one
		signing := c.signing()
		for alg, key := range signing {
			good := c.token(headOf(alg, kidOf(alg)), string(alg), key)
			h, p, s := split(good)
			raw := must(base64.RawURLEncoding.DecodeString(s))
			c.presentAt("/key/"+string(alg), h+"."+p+".", h+"."+p+"."+b64(string(raw[:len(raw)-1])),
				h+"."+p+"."+b64(string(append(raw[:len(raw):len(raw)], 0))), h+"."+p+"."+b64("\x00"+string(raw)),
				h+"."+p+"."+b64(string(make([]byte, len(raw)))), h+"."+p+"."+b64(strings.Repeat("\xff", len(raw))),
				h+"."+b64(c.payload())+"."+s, b64(headOf(alg, kidOf(alg))+" ")+"."+p+"."+s)
			for i := 0; i < len(raw); i += 1 + len(raw)/32 {
				flipped := slices.Clone(raw)
				flipped[i] ^= 1 << (i % 8)
				c.presentAt("/key/"+string(alg), h+"."+p+"."+b64(string(flipped)))
			}
		}
		c.presentAt("/key/RS256", c.token(headOf(jwttoken.RS256, kidOf(jwttoken.RS256)), "RS256", c.rsaForeign))
		c.presentAt("/key/PS256", c.token(headOf(jwttoken.PS256, kidOf(jwttoken.PS256)), "PS256", c.rsaForeign))
	},
	"JKX-04": func(c *stage) { // a token of one resource at another
		for alg, key := range c.signing() {
			for other := range c.signing() {
				if alg != other {
					c.presentAt("/key/"+string(other), c.token(headOf(alg, kidOf(alg)), string(alg), key), c.token(headOf(other,
						kidOf(alg)), string(alg), key), c.token(headOf(alg, kidOf(other)), string(alg), key))
				}
			}
			if alg != jwttoken.ES256 {
				c.presentAt("/key/"+string(alg), c.at())
			}
		}
	},
}

// allAlgorithms are those that rawSignature makes.
var allAlgorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
	"EdDSA"}

func canSign(alg string, key any) bool {
	switch key.(type) {
	case []byte:
		return alg[:2] == "HS"
	case *rsa.PrivateKey:
		return alg[:2] == "RS" || alg[:2] == "PS"
	case *ecdsa.PrivateKey:
		return alg[:2] == "ES"
	}
	return alg[:2] == "Ed"
}

// token signs a good payload in any way.
func (c *stage) token(head, alg string, key any) string {
	signed := b64(head) + "." + b64(c.payload())
	return signed + "." + signature(alg, key, signed)
}

func (c *stage) hmac(alg, kid, secret string) string {
	return c.token(`{"typ":"at+jwt","alg":"`+alg+`","kid":`+quoteJSON(kid)+`}`, alg, []byte(secret))
}

// confuse signs by HMAC with what is public of each asymmetric key.
func (c *stage) confuse(secrets func(public any) []string) {
	for set, public := range c.verifying() {
		if set == jwttoken.HS256 {
			continue
		}
		for _, secret := range secrets(public) {
			for _, alg := range []string{"HS256", "HS384", "HS512"} {
				c.presentAt("/key/"+string(set), c.hmac(alg, kidOf(set), secret))
				if set == jwttoken.ES256 {
					c.present(c.hmac(alg, kidCurrent, secret))
				}
			}
			c.presentAt("/key/"+string(set), c.token(headOf(set, kidOf(set)), "HS256", []byte(secret)))
		}
	}
}

// extraHeader adds members to the header of a good token, before and behind.
func (c *stage) extraHeader(members ...string) {
	for _, m := range members {
		c.present(c.sign(twice(head, m), c.payload()), c.sign("{"+m+","+head[1:], c.payload()))
	}
}

// ownKey lets a header say where its signer's key is.
func (c *stage) ownKey(name string) {
	for _, at := range []string{"https://evil/jwks.json", c.trap.url, c.trap.url + "jwks.json",
		"https://issuer.example@" + strings.TrimPrefix(c.trap.url, "http://"), "file:///etc/hostname", ""} {
		for _, kid := range []string{`"kid":"current",`, `"kid":"evil",`, ""} {
			c.present(c.token(fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256",%s%q:%q}`, kid, name, at), "ES256", c.foreign))
		}
	}
}

// twin is the other signature that ECDSA has of the same text.
func (c *stage) twin(token string) string {
	h, p, s := split(token)
	raw := must(base64.RawURLEncoding.DecodeString(s))
	other := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(raw[32:]))
	return h + "." + p + "." + b64(string(raw[:32])+string(other.FillBytes(make([]byte, 32))))
}

func (c *stage) selfSigned() []byte {
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer.example"},
		NotAfter: time.Now().Add(time.Hour)}
	return must(x509.CreateCertificate(rand.Reader, cert, cert, &c.foreign.PublicKey, c.foreign))
}

// kidBytes is public: what the id of a secret is derived from must not open it.
func (c *stage) kidBytes() []byte {
	sum := sha256.Sum256(c.secret)
	return sum[:]
}

// config counts a construction that must fail.
func (c *stage) config(what string, err error) {
	c.inputs++
	if err == nil {
		c.accepted++
	}
	for _, condition := range c.conditions() {
		c.also(condition, err != nil, what)
	}
}

func second[T any](_ T, err error) error { return err }

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}
