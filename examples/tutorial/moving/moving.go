// Package moving has the code of the pages on coming from other libraries: docs/moving.md and docs/coming-from-*.md.
package moving

import (
	"context"
	"errors"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// oldAndNew takes the new tokens, and the old ones until a day.
type oldAndNew struct {
	newer, older passbearer.TokenVerifier
	until        time.Time
}

func (v oldAndNew) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	claims, err := v.newer.VerifyToken(ctx, token)
	if errors.Is(err, passbearer.ErrInvalidToken) && time.Now().Before(v.until) {
		return v.older.VerifyToken(ctx, token)
	}
	return claims, err
}

// oldTokens verifies tokens that another library has signed with a shared secret of at least 32 bytes.
func oldTokens(secret []byte, form *jwttoken.Foreign) (passbearer.TokenVerifier, error) {
	key, err := jwttoken.NewKey(jwttoken.HS256, secret, "")
	if err != nil {
		return nil, err
	}
	keys, err := jwttoken.NewKeys(key)
	if err != nil {
		return nil, err
	}
	return jwttoken.NewVerifier(keys, "", "", &jwttoken.Options{
		Foreign:              form,
		MaxLifetime:          24 * time.Hour, // as long as the old tokens live
		InsecureSkipIssuer:   true,           // where they have no iss
		InsecureSkipAudience: true,           // where they have no aud
	})
}

// importUser adds a user with the id and the hash that they have.
func importUser(ctx context.Context, store adder, id, name, hash string) error {
	canonical, err := passbearer.CanonicalName(name)
	if err != nil {
		return err
	}
	return store.AddUser(ctx, passbearer.User{ID: id, Name: canonical, PasswordHash: hash, Scope: "items:read"})
}

// adder is what memstore, sqlitestore and pgstore have.
type adder interface {
	AddUser(context.Context, passbearer.User) error
}
