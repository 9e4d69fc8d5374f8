package moving

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// goOAuth2 are the access tokens of go-oauth2's NewJWTAccessGenerate with HS256.
var goOAuth2 = &jwttoken.Foreign{
	Types:    []string{"JWT"},
	Required: []string{"sub", "aud"},
	Map: func(c *passbearer.Claims) error {
		c.ClientID, c.Scope = string(c.Audience), "items:read"
		return nil
	},
}

// tokenInfo is what is asked of an oauth2.TokenInfo.
type tokenInfo interface {
	GetUserID() string
	GetClientID() string
	GetScope() string
}

// oldStore takes the access tokens that go-oauth2 has in its store, in whatever form.
type oldStore[T tokenInfo] struct {
	load     func(ctx context.Context, access string) (T, error) // the LoadAccessToken of a manage.Manager
	refusals []error                                             // those of its errors that say that a token is not valid
}

func (s oldStore[T]) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	info, err := s.load(ctx, token)
	if slices.ContainsFunc(s.refusals, func(refusal error) bool { return errors.Is(err, refusal) }) {
		return nil, fmt.Errorf("%w: %w", passbearer.ErrInvalidToken, err)
	}
	if err != nil {
		return nil, err // answered 503
	}
	scope := passbearer.Scope(strings.Join(strings.Fields(info.GetScope()), " "))
	return &passbearer.Claims{Subject: info.GetUserID(), ClientID: info.GetClientID(), Scope: scope}, nil
}
