package passbearer

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/passbearer/passbearer/internal/deadline"
)

// ProofVerifier checks proofs of possession (DPoP, RFC 9449): that who sends a
// token has the private key it is bound to. Package dpop has one. It is called
// concurrently.
type ProofVerifier interface {
	// VerifyProof checks the proof in r's DPoP header, for accessToken or, where
	// that is empty, for a token request, and returns the thumbprint of its key
	// (RFC 7638). An [*Error] is a refusal, with the code "invalid_dpop_proof" or
	// "use_dpop_nonce", whose status and scheme are filled in where it is
	// answered; any other error, and one that wraps it, is answered 503.
	VerifyProof(r *http.Request, accessToken string) (thumbprint string, err error)

	// ProofAlgorithms are the JWS algorithms of the proofs that are taken, for
	// challenges and metadata.
	ProofAlgorithms() []string
}

const methodJKT = "jkt" // the member of cnf, RFC 9449 §6.1

var (
	errUnchecked = errors.New("the token is bound to a key, which is not checked here")
	errUnkeyed   = errors.New("the token is bound to no key, and one is demanded or was announced by the scheme")
	errDowngrade = errors.New("the token is bound to a key, and came as if it were not")
	errOtherKey  = errors.New("the proof is by another key than the token is bound to")
)

// checkPossession demands a proof for a token that is bound to a key.
func (g *Guard) checkPossession(r *http.Request, token, scheme string, c *Claims) *Error {
	bound := c.Confirmation
	switch {
	case bound == (Confirmation{}) && scheme != schemeDPoP && !g.opts.RequireDPoP:
		return nil
	case bound == (Confirmation{}):
		return g.underKey(invalidToken(errUnkeyed))
	case g.opts.DPoP == nil || bound.Method != methodJKT:
		return invalidToken(errUnchecked)
	case scheme == schemeBearer: // RFC 9449 §7.2
		return g.underKey(invalidToken(errDowngrade))
	}
	jkt, err := verifyProof(g.opts.DPoP, r, token, http.StatusUnauthorized)
	switch {
	case err != nil:
		return g.underKey(err)
	case jkt != bound.Thumbprint:
		return g.underKey(invalidToken(errOtherKey))
	}
	return nil
}

// underKey makes the challenge of a 401 one for a token with a proof.
func (g *Guard) underKey(e *Error) *Error {
	if e.StatusCode == http.StatusUnauthorized {
		e.Scheme = schemeDPoP
	}
	return e
}

func verifyProof(v ProofVerifier, r *http.Request, token string, status int) (jkt string, _ *Error) {
	err := guardPanic(func() (err error) {
		jkt, err = v.VerifyProof(r, token)
		return err
	})
	e, refused := err.(*Error) //nolint:errorlint // one that is wrapped is a store's, and not for the client
	switch {
	case refused:
		e = e.copy()
		if e.StatusCode == 0 {
			e.StatusCode = status
		}
		return "", e
	case err != nil:
		return "", unavailable(err)
	case jkt == "":
		return "", unavailable(errors.New("the ProofVerifier returned neither a thumbprint nor an error"))
	}
	return jkt, nil
}

// proof returns the thumbprint of the key that a token request proves to have,
// or the empty string where it has no proof.
func (h *TokenHandler) proof(ctx context.Context, r *http.Request) (string, error) {
	switch {
	case h.opts.DPoP == nil:
		return "", nil
	case len(r.Header["Dpop"]) == 0 && h.opts.RequireDPoP:
		return "", formError(codeInvalidProof, "A DPoP proof is demanded")
	case len(r.Header["Dpop"]) == 0:
		return "", nil
	}
	ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
	defer cancel()
	jkt, e := verifyProof(h.opts.DPoP, r.WithContext(ctx), "", http.StatusBadRequest)
	if e != nil {
		return "", e
	}
	return jkt, nil
}

func proofAlgorithms(v ProofVerifier) []string {
	if v == nil {
		return nil
	}
	return v.ProofAlgorithms()
}

// algs is the challenge's parameter (RFC 9449 §7.1).
func algs(v ProofVerifier) [2]string { return [2]string{"algs", strings.Join(proofAlgorithms(v), " ")} }
