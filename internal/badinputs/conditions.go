package badinputs

import (
	"net/http"
	"strconv"
	"strings"
)

// conditions are those of the column must_also_hold that any answer can be asked.
// What a condition means for one row alone is in that row's play.
var conditions = map[string]func(*stage, *exchange) bool{
	"handler not called":                  func(_ *stage, x *exchange) bool { return len(x.calls) == 0 },
	"token never echoed":                  echoesNothing,
	"no echo of input":                    echoesNothing,
	"no echo of input (CSRF simple type)": echoesNothing,
	"query never read or logged":          echoesNothing,
	"0 network requests":                  callsNobody,
	"no key fetch per request":            callsNobody,
	"never parsed":                        unread,
	"not parsed":                          unread,
	"not decompressed":                    unread,
	"body not read":                       unread,
	"no panic":                            calm,
	"0 crashes":                           calm,
	"0 accepted":                          refused,
	"never 200":                           refused,
	"never a login":                       refused,
	"never a token with empty sub":        refused,
	"Retry-After":                         retryAfter,

	"handler called exactly once with the principal of {AT}": func(_ *stage, x *exchange) bool { return admitted(x) },

	"no 500":                        func(_ *stage, x *exchange) bool { return x.status < 500 },
	"rejected by net/http or by us": func(_ *stage, x *exchange) bool { return x.status == http.StatusBadRequest },
	"no store call":                 func(_ *stage, x *exchange) bool { return len(x.stores) == 0 },
	"no hash spent":                 func(_ *stage, x *exchange) bool { return x.hashes == 0 },
	"token issued":                  func(_ *stage, x *exchange) bool { return x.answer().Access != "" },
	"Retry-After on every 503": func(c *stage, x *exchange) bool {
		return x.status != http.StatusServiceUnavailable || retryAfter(c, x)
	},
	"never 401, never 200": func(c *stage, x *exchange) bool {
		return refused(c, x) && x.status != http.StatusUnauthorized
	},
	"never invalid_grant or invalid_client":               isNot("invalid_grant", "invalid_client"),
	"never invalid_grant: clients drop the session on it": isNot("invalid_grant"),

	"Cache-Control: no-store":                has("Cache-Control", "no-store"),
	"Content-Type: application/json":         has("Content-Type", "application/json"),
	"Allow: POST":                            has("Allow", http.MethodPost),
	"no Access-Control-Allow-Origin":         has("Access-Control-Allow-Origin", ""),
	"no redirect that replays the POST body": has("Location", ""),

	`WWW-Authenticate: Bearer error="invalid_token"`:   challenges(`Bearer realm=`, `error="invalid_token"`),
	`WWW-Authenticate: Bearer error="invalid_request"`: challenges(`Bearer realm=`, `error="invalid_request"`),
	`WWW-Authenticate: Bearer realm=".." with no error attribute`: func(_ *stage, x *exchange) bool {
		value := x.header.Get("Www-Authenticate")
		return strings.HasPrefix(value, `Bearer realm="`) && !strings.Contains(value, "error")
	},
	`WWW-Authenticate: Basic realm=".." when the Authorization header was used`: func(_ *stage, x *exchange) bool {
		return usedHeader(x.sent) == strings.HasPrefix(x.header.Get("Www-Authenticate"), `Basic realm="`)
	},
}

// remarks are in the same column and say why, or what to send: the answers to a
// row's inputs are all there is to look at.
var remarks = setOf(
	"net/http",
	"net/http MaxHeaderBytes",
	"no float-to-int overflow",
	"no overflow",
	"over max lifetime",
	"exact string compare",
	"optional: bind user id as associated data",
	"scope-token grammar",
	"constant-time compare of hashes",
	"empty means omitted",
	"never first-wins or last-wins",
	"ParseForm error must be checked: it still fills PostForm",
	"kid is only a map key",
	"NFC, not NFKC: no folding of different passwords",
	"no endless loop",
	"a different account",
	"locale-free mapping",
	"buckets independent",
	"reason given",
	"policy is checked at set time only",
	"boundary test with a fake clock",
	"documented answer: fail closed, or heal forward",
	"within the documented delay",
	"encoding/json struct matching is case-insensitive: names must match exactly",
)

func echoesNothing(_ *stage, x *exchange) bool {
	return echo(x.sent, x.body+headerText(x.header)) == "" && echo(x.sent, x.log) == ""
}

func challenges(parts ...string) func(*stage, *exchange) bool {
	return func(_ *stage, x *exchange) bool {
		for _, part := range parts {
			if !strings.Contains(x.header.Get("Www-Authenticate"), part) {
				return false
			}
		}
		return true
	}
}

func has(name, value string) func(*stage, *exchange) bool {
	return func(_ *stage, x *exchange) bool { return x.header.Get(name) == value }
}

func callsNobody(c *stage, _ *exchange) bool { return c.trap.hits.Load() == 0 }

func calm(_ *stage, x *exchange) bool { return !panicked(x) }

func retryAfter(_ *stage, x *exchange) bool {
	n, err := strconv.Atoi(x.header.Get("Retry-After"))
	return err == nil && n >= 1
}

func unread(_ *stage, x *exchange) bool { return x.read == 0 }

func refused(_ *stage, x *exchange) bool {
	return x.status/100 != 2 && !strings.Contains(x.body, `"access_token"`)
}

func isNot(codes ...string) func(*stage, *exchange) bool {
	return func(_ *stage, x *exchange) bool {
		for _, code := range codes {
			if x.answer().Error == code {
				return false
			}
		}
		return true
	}
}
