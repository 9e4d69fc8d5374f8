package passbearer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RequireACR returns a Guard that also demands that the user was authenticated in
// one of these ways: the token's acr is one of values, the preferred one first. Any
// other is answered 401 insufficient_user_authentication with acr_values
// (RFC 9470), upon which a client has its user sign in that way. Of two such
// demands a token has to meet both. It is never Optional.
func (g *Guard) RequireACR(values ...string) *Guard {
	if len(values) == 0 {
		panic("passbearer: RequireACR needs a value")
	}
	for _, v := range values {
		if v == "" || strings.Contains(v, " ") || v != quoteSafe(v) {
			panic(fmt.Sprintf("passbearer: RequireACR(%q): a value is printable ASCII without space, quote and backslash", v))
		}
	}
	stricter := *g
	stricter.opts.Optional = false
	stricter.acr = slices.Clone(values)
	if g.acr != nil {
		stricter.acr = slices.DeleteFunc(stricter.acr, func(v string) bool { return !slices.Contains(g.acr, v) })
	}
	if len(stricter.acr) == 0 {
		panic("passbearer: RequireACR: no value is left that an earlier RequireACR allows")
	}
	return &stricter
}

// RequireAuthAge returns a Guard that also demands that the user proved who they
// are (auth_time) at most limit ago; refreshing a token is no such proof. Any
// other token, and one without auth_time, is answered 401
// insufficient_user_authentication with max_age (RFC 9470). It is never Optional.
// limit is whole seconds, 1 or more.
func (g *Guard) RequireAuthAge(limit time.Duration) *Guard {
	if limit < time.Second || limit%time.Second != 0 {
		panic("passbearer: RequireAuthAge needs whole seconds, 1 or more")
	}
	stricter := *g
	stricter.opts.Optional = false
	if stricter.maxAge = limit; g.maxAge > 0 {
		stricter.maxAge = min(limit, g.maxAge)
	}
	return &stricter
}

var errAuthentication = errors.New("the user was authenticated too long ago, or in another way")

// checkAuthentication looks at how and when the token's user signed in.
func (g *Guard) checkAuthentication(c *Claims) *Error {
	if (g.acr == nil || slices.Contains(g.acr, c.ACR)) && (g.maxAge == 0 || g.isRecent(c)) {
		return nil
	}
	e := invalidToken(errAuthentication)
	e.ErrorCode, e.ErrorDescription = codeInsufficientAuth, "Sign in again, in a way that this resource demands"
	if c.Confirmation.Method == methodJKT {
		e.Scheme = schemeDPoP
	}
	if g.acr != nil {
		e.Params = append(e.Params, [2]string{"acr_values", strings.Join(g.acr, " ")})
	}
	if g.maxAge > 0 {
		e.Params = append(e.Params, [2]string{"max_age", strconv.FormatInt(int64(g.maxAge/time.Second), 10)})
	}
	return e
}

func (g *Guard) isRecent(c *Claims) bool {
	return c.AuthTime > 0 && time.Since(c.AuthTime.Time()) <= g.maxAge
}
