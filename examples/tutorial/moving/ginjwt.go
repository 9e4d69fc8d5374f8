package moving

import (
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// ginJWT are the tokens of gin-jwt whose PayloadFunc has put the user's id into the claim identity.
var ginJWT = &jwttoken.Foreign{
	Types:    []string{"JWT"},
	Required: []string{"identity", "orig_iat"},
	Map: func(c *passbearer.Claims) error {
		claims, err := passbearer.ExtraClaims[struct {
			Identity string `json:"identity"`
		}](c)
		c.Subject, c.Scope = claims.Identity, "items:read"
		return err
	},
}

// fromCookie takes the token from the cookie jwt, where there is no Authorization header.
func fromCookie(r *http.Request) (string, error) {
	if cookie, err := r.Cookie("jwt"); err == nil && r.Header.Get("Authorization") == "" {
		return cookie.Value, nil
	}
	return passbearer.BearerToken(r)
}
