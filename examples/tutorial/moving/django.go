package moving

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// simpleJWT are the access tokens of Simple JWT. Its refresh tokens have the same key and the same form, save for
// token_type.
var simpleJWT = &jwttoken.Foreign{
	Types:    []string{"JWT"},
	Required: []string{"user_id", "token_type", "jti"},
	Map: func(c *passbearer.Claims) error {
		claims, err := passbearer.ExtraClaims[struct {
			TokenType string          `json:"token_type"`
			UserID    json.RawMessage `json:"user_id"` // a string, or a number from older versions
		}](c)
		if err == nil && claims.TokenType != "access" {
			err = errors.New("not an access token")
		}
		c.Subject, c.Scope = strings.Trim(string(claims.UserID), `"`), "items:read"
		return err
	},
}
