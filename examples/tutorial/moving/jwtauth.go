package moving

import (
	"encoding/json"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// jwtAuth are tokens of jwtauth that were encoded with the claims user_id, a number, and exp.
var jwtAuth = &jwttoken.Foreign{
	Types:    []string{"JWT"},
	Required: []string{"user_id"},
	Map: func(c *passbearer.Claims) error {
		claims, err := passbearer.ExtraClaims[struct {
			UserID json.Number `json:"user_id"`
		}](c)
		c.Subject, c.Scope = claims.UserID.String(), "items:read"
		return err
	},
}
