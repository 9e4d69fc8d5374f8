package jwttoken

import (
	"errors"

	"github.com/passbearer/passbearer"
)

// The reasons to refuse a token are fixed texts: an error must not repeat what the token contains.
var (
	errNoKeys    = errors.New("the verifier has no keys; make it with NewVerifier")
	errLength    = errors.New("token is too long")
	errSegments  = errors.New("token does not have three segments")
	errBase64    = errors.New("a segment is not canonical base64url")
	errParameter = errors.New("a parameter is not a non-empty string")
	errCritical  = errors.New("an unsupported parameter is present")
	errTyp       = errors.New("wrong typ")
	errKeyID     = errors.New("kid does not name a key")
	errAlgorithm = errors.New("alg is not the algorithm of the key")
	errSignature = errors.New("signature does not verify")
	errNoExpiry  = errors.New("exp is missing")
	errNoIssue   = errors.New("iat is missing")
	errRequired  = errors.New("a required claim is missing")
	errIssuer    = errors.New("wrong issuer")
	errAudience  = errors.New("wrong audience")
	errExpired   = errors.New("token has expired")
	errNotYet    = errors.New("token is not valid yet")
	errFuture    = errors.New("token was issued in the future")
	errOrder     = errors.New("nbf is after exp")
	errTooFar    = errors.New("token expires too far in the future")
)

// refusal is an error about a token. Refusing must be cheap, so its text is made when somebody asks.
type refusal struct {
	step  string
	cause error
}

func (r *refusal) Error() string {
	return passbearer.ErrInvalidToken.Error() + ": " + r.step + r.cause.Error()
}

func (r *refusal) Is(target error) bool { return target == passbearer.ErrInvalidToken }

func (r *refusal) Unwrap() error { return r.cause }
