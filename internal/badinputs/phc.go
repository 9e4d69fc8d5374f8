package badinputs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
)

var phcHashStrings = cases{
	"PH-001": literalHash, "PH-003": literalHash, "PH-004": literalHash, "PH-006": literalHash, "PH-008": literalHash,
	"PH-010": literalHash, "PH-011": literalHash, "PH-012": literalHash, "PH-013": literalHash, "PH-014": literalHash,
	"PH-016": literalHash, "PH-017": literalHash, "PH-018": literalHash, "PH-019": literalHash, "PH-020": literalHash,
	"PH-022": literalHash, "PH-023": literalHash, "PH-026": literalHash, "PH-028": literalHash, "PH-030": literalHash,
	"PH-032": literalHash, "PH-033": literalHash, "PH-037": literalHash, "PH-039": literalHash, "PH-041": literalHash,
	"PH-042": literalHash, "PH-043": literalHash, "PH-051": literalHash,

	"PH-035": longHash, "PH-038": longHash,
	"PH-044": func(c *stage) { c.hashes("") },
	"PH-045": func(c *stage) { c.hashes(strings.Split(c.input, " or ")...) },
	"PH-049": func(c *stage) {
		for _, version := range []string{"2a", "2b", "2y"} {
			c.hashes("$"+version+"$04$"+bcryptTail, "$"+version+"$07$"+bcryptTail)
		}
	},
	"PH-050": func(c *stage) { c.hashes("$2y$10$"+bcryptTail[1:], "$2y$10$", "$2y$10$"+bcryptTail+"a", "$2y$10") },
	"PH-053": func(c *stage) {
		c.hashes("{SSHA}AAAA", "{MD5}AAAA", "$1$salt$hash", "5f4dcc3b5aa765d61d8327deb882cf99")
	},
	"PH-055": func(c *stage) {
		a, b := c.newUser("the password of A"), c.newUser("the password of B")
		ofA, err := c.stores.Users.UserByID(c.ctx, a.id)
		c.needNil(err)
		wrong := c.send(post("/token", passwordForm(b.name, "wrong")))
		c.verifies(false, b.password, ofA.PasswordHash)
		c.spy.changeUser(func(u *passbearer.User) { u.PasswordHash = ofA.PasswordHash })
		x := c.ask(post("/token", b.passwordForm()))
		c.also("at HTTP level as wrong password", same(x, wrong), x)
	},

	"PHX-01": func(c *stage) { // numbers that are none, for each cost
		for _, n := range []string{"", "0", "-1", "+1", "01", "1e3", "1.0", "0x8", "0b1", "0o7", "1_0", " 1", "1 ", "\uff11",
			"\u0661", "1\x00", "4294967296", "4294967304", "18446744073709551617", "99999999999999999999999999", "NaN", "m", "=1",
			"1=1", "1,", ",1"} {
			c.hashes(phc("m="+n+",t=1,p=1"), phc("m=64,t="+n+",p=1"), phc("m=64,t=1,p="+n))
		}
	},
	"PHX-02": func(c *stage) { // parameters in each wrong order and number
		for _, params := range []string{"t=1,p=1,m=64", "p=1,t=1,m=64", "m=64,p=1,t=1", "m=64", "t=1", "", "m=64,t=1",
			"m=64,t=1,p=1,", ",m=64,t=1,p=1", "m=64,t=1,p=1,p=1", "m=64;t=1;p=1", "m=64 t=1 p=1", "M=64,T=1,P=1", "m:64,t:1,p:1",
			"m=64,t=1,p=1,x=1", "m=64,t=1,p=1,data=AAAA", "data=AAAA,m=64,t=1,p=1", "m=64,t=1,p=1,keyid=",
			"keyid=AAAA,m=64,t=1,p=1", "m=64,t=1,p=1,keyid=AAAA,keyid=AAAA", "m=64,t=1,p=1,keyid=A",
			"m=64,t=1,p=1,keyid=" + strings.Repeat("A", 16), "l=32,m=64,t=1,p=1"} {
			c.hashes(phc(params))
		}
	},
	"PHX-03": func(c *stage) { // costs over the bounds, each on its own and all at once
		for _, params := range []string{"m=131073,t=1,p=1", "m=64,t=9,p=1", "m=72,t=1,p=9", "m=4294967295,t=4294967295,p=255",
			"m=131072,t=9,p=8", "m=7,t=1,p=1", "m=15,t=1,p=2", "m=63,t=1,p=8", "m=64,t=1,p=256", "m=64,t=1,p=257",
			"m=64,t=4294967297,p=1", "m=2147483648,t=1,p=1"} {
			c.hashes(phc(params), strings.Replace(phc(params), "argon2id", "argon2i", 1), "{argon2}"+phc(params),
				"argon2"+phc(params))
		}
	},
	"PHX-04": func(c *stage) { // each byte that is no part of base64, in the salt and in the tag
		for b := range 0x100 {
			at := string([]byte{byte(b)})
			if strings.Contains("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", at) {
				continue
			}
			c.hashes("$argon2id$v=19$m=64,t=1,p=1$"+phcSalt[:4]+at+phcSalt[4:]+"$"+phcTag,
				"$argon2id$v=19$m=64,t=1,p=1$"+phcSalt+"$"+phcTag[:4]+at+phcTag[4:],
				"$argon2id$v=19$m=64,t=1,p=1$"+phcSalt+"$"+phcTag+at)
		}
	},
	"PHX-05": func(c *stage) { // cut off anywhere, to be refused as malformed or as another tag
		good := must(c.hasher.Hash(c.ctx, "password"))
		for n := 1; n < len(good); n++ {
			c.verifies(false, "password", good[:n])
			c.verifies(false, "password", good[n:])
		}
		tag := good[strings.LastIndexByte(good, '$')+1:]
		for i := range len(tag) - 1 {
			at := strings.IndexByte(base64std, tag[i])
			c.verifies(false, "password", good[:len(good)-len(tag)]+tag[:i]+string(base64std[(at+1)%64])+tag[i+1:])
		}
	},
	"PHX-06": func(c *stage) { // other functions, and what stands for none
		c.hashes("password", "{noop}password", "{plain}password", "$plain$password", "plaintext$password",
			"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SHA256}x", "{SSHA512}x", "{md5}x", "{sha256}x", "{ldap}{noop}password",
			"{noop}{bcrypt}x", "{bcrypt}{noop}password", "{}password", "{", "}", "{bcrypt", "{bcrypt}", "sha1$salt$hash",
			"md5$salt$hash", "unsalted_md5$$5f4dcc3b5aa765d61d8327deb882cf99", "crypt$$x", "$5$salt$hash", "$6$salt$hash",
			"$6$rounds=999999999$salt$hash", "$7$CU..../....salt$hash", "$y$j9T$salt$hash", "$gy$j9T$salt$hash", "$P$B12345678",
			"$H$9abc", "$S$Dabc", "$apr1$salt$hash", "$sha1$1$x$y", "$3$$x", "$2$10$"+bcryptTail, "$2x$10$"+bcryptTail,
			"$2z$10$"+bcryptTail, "$2c$10$"+bcryptTail, "2a$10$"+bcryptTail, "$2a$03$"+bcryptTail, "$2a$15$"+bcryptTail,
			"$2a$31$"+bcryptTail, "$2a$32$"+bcryptTail, "$2a$99$"+bcryptTail, "$2a$1$"+bcryptTail, "$2a$+9$"+bcryptTail,
			"$2a$10$"+strings.Repeat("!", 53), "$scrypt$ln=0,r=8,p=1$"+phcSalt+"$"+phcTag,
			"$scrypt$ln=63,r=8,p=1$"+phcSalt+"$"+phcTag, "$scrypt$ln=64,r=8,p=1$"+phcSalt+"$"+phcTag,
			"$scrypt$ln=14,r=4294967295,p=1$"+phcSalt+"$"+phcTag, "$scrypt$ln=14,r=8,p=4294967295$"+phcSalt+"$"+phcTag,
			"$scrypt$ln=14,r=0,p=1$"+phcSalt+"$"+phcTag, "scrypt$1099511627776$salt$8$1$x", "scrypt$16384$salt$8$0$x",
			"scrypt$16383$salt$8$1$x", "$e0801$x$y", "$e0801$", "$ffffffffffffffff$x$y", "$pbkdf2-sha256$0$c2FsdA$x",
			"$pbkdf2-sha256$4294967295$c2FsdA$x", "$pbkdf2-sha256$-1$c2FsdA$x", "$pbkdf2-sha256$1$c2FsdA$x",
			"$pbkdf2-sha256$29000$$", "pbkdf2_sha256$999999999$salt$x", "pbkdf2_sha256$0$salt$x", "pbkdf2_sha256$$salt$x",
			"pbkdf2_md5$1000$salt$x", "pbkdf2_sha256$29000$salt$", "$argon2$v=19$m=64,t=1,p=1$"+phcSalt+"$"+phcTag,
			"$argon2id$v=19$m=64,t=1,p=1$"+phcSalt+"$"+phcTag+"$"+phcTag, "$$", "$", "", strings.Repeat("$", 200),
			strings.Repeat("{", 200), strings.Repeat("a", 1<<20), "\x00", "🔑", "\xff")
	},
	"PHX-07": func(c *stage) { // within the bounds, and right
		for _, p := range []password.Params{{Memory: 8, Time: 1, Threads: 1}, {Memory: 64, Time: 1, Threads: 8}, {Memory: 100,
			Time: 3, Threads: 2}, {Memory: 64, Time: 8, Threads: 1}} {
			hash := must(must(password.New(&password.Options{Params: p})).Hash(c.ctx, "password"))
			c.verifies(true, "password", hash)
			c.verifies(true, "password", "{argon2}"+hash)
			c.verifies(true, "password", "argon2"+hash)
		}
	},
}

const (
	phcSalt    = "c29tZXNhbHRzb21lc2FsdA"
	phcTag     = "9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"
	bcryptTail = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
	base64std  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)

func phc(params string) string { return "$argon2id$v=19$" + params + "$" + phcSalt + "$" + phcTag }

func literalHash(c *stage) { c.hashes(c.literal()) }

func longHash(c *stage) {
	c.hashes(strings.Replace(c.literal(), "<1 MiB base64>", strings.Repeat("AAAA", 1<<18), 1), strings.Replace(c.literal(),
		"<1 MiB base64>", strings.Repeat("AAAA", 30), 1))
}

// least has the lowest costs, so that what a hash takes beyond them shows.
var least = must(password.New(&password.Options{Params: password.Params{Memory: 8, Time: 1, Threads: 1}}))

// hashes looks at stored hashes that are unusable, by themselves and behind the
// token endpoint.
func (c *stage) hashes(list ...string) {
	wrong := c.send(post("/token", passwordForm(c.user().name, "wrong")))
	for _, hash := range list {
		err := c.verifies(false, "password", hash)
		if hash != "" {
			c.also("verify=false and error", errors.Is(err, password.ErrHash), err)
		}
		verify := func() { least.Verify(context.Background(), "password", hash) }
		c.also("<= 1 ms", atBest(time.Millisecond, func() time.Duration {
			start := time.Now()
			verify()
			return time.Since(start)
		}), short(hash))
		c.also("<= 64 KiB allocated", allocates(64<<10, verify), short(hash))
		c.spy.changeUser(func(u *passbearer.User) { u.PasswordHash = hash })
		x := c.ask(post("/token", passwordForm(c.user().name, "password")))
		c.spy.heal()
		c.also("at HTTP level as wrong password", same(x, wrong), fmt.Sprintf("%s: %v", short(hash), x))
		c.also("no panic", !panicked(x), x)
	}
}

// verifies asks whether a hash is of a password, and counts it.
func (c *stage) verifies(want bool, plain, hash string) error {
	c.inputs++
	ok, _, err := c.hasher.Verify(c.ctx, plain, hash)
	if ok && !want {
		c.accepted++
	}
	if !ok && want {
		c.denied++
	}
	if ok != want || fmt.Sprint(ok) != c.status {
		c.errorf("%s: %t, %v", short(hash), ok, err)
	}
	c.looked["verify=false"], c.looked["verify=true"] = !ok, ok
	return err
}

func short(s string) string { return fmt.Sprintf("%.120q (%d bytes)", s, len(s)) }

// ask sends to where inputs go, but leaves the judgement to the row.
func (c *stage) ask(request string) *exchange {
	x := c.observe(func() *exchange {
		x, err := send(c.judged, request, nil)
		c.needNil(err)
		return x
	})
	c.inspect(x)
	return x
}
