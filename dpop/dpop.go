// Package dpop checks proofs of possession (DPoP, RFC 9449): that whoever sends
// an access or refresh token has the private key that it is bound to, so that a
// token alone is of no use to a thief.
//
// Make a [Verifier] with [New] and hand it to passbearer.TokenHandlerOptions.DPoP,
// which binds tokens to the key of the proof, and to passbearer.GuardOptions.DPoP,
// which demands a proof by that key with each request.
//
// A proof is for one method, one URL and, at a resource server, one access token;
// it is good for about a minute and for one use. [Options.BaseURL] matters behind a
// proxy that ends TLS: the URL is compared with the one clients use.
//
// The key is in the proof. It is trusted for nothing but the signature of the proof:
// that it is the key of the token, the thumbprint in the token (cnf.jkt) says.
//
// Out of scope are the making of proofs, which is for clients, authorization codes
// (dpop_jkt, RFC 9449 §10), and tokens bound to TLS certificates (RFC 8705).
package dpop

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	defaultMaxAge        = 60 * time.Second
	defaultLeeway        = 10 * time.Second
	defaultNonceLifetime = 5 * time.Minute
	longest              = 24 * time.Hour // of all times here; beyond it, an option is a mistake
)

// Options change what a [Verifier] accepts. A nil *Options and the zero Options
// mean the defaults.
type Options struct {
	// Algorithms are the JWS algorithms of the proofs that are taken, the preferred
	// one first: of ES256, EdDSA (Ed25519), PS256 and RS256 (2,048 to 4,096 bits).
	// Nil: all of these, in this order.
	Algorithms []string

	// MaxAge is how old a proof may be, 1 s to 24 h. Zero: 60 s.
	MaxAge time.Duration

	// Leeway is how far ahead the clock of a client may be, up to 24 h; the clocks
	// of processes that share Replays may differ by as much. Zero: 10 s. Negative:
	// none.
	Leeway time.Duration

	// BaseURL is what the URLs that clients use begin with: "https://api.example",
	// or with a path that a proxy removes, "https://example.com/api". Empty: http or
	// https, as this server has the connection, and the Host of the request. That is
	// for whoever sends it to choose: where other servers take the same tokens, one of
	// them could pass a proof on that was made for itself, unless the mux has patterns
	// with hosts. X-Forwarded-Proto, X-Forwarded-Host and Forwarded are never believed.
	BaseURL string

	// Replays remembers proofs that were used, for MaxAge and twice Leeway. Nil: in
	// this process alone, up to 262,144 proofs in about 16 MB; beyond that requests
	// with a proof are answered 503 until older ones expire. Proofs for a token
	// endpoint cost an attacker nothing but a key: a Verifier of its own for that
	// keeps a flood there from the rest.
	Replays passbearer.ReplayStore

	// RequireNonce demands a nonce that was made here at most NonceLifetime ago, so
	// that no proof can be made in advance (RFC 9449 §8). Who has none is answered
	// use_dpop_nonce, with one.
	RequireNonce bool

	// NonceKeys are secrets of 32 random bytes or more. The first makes nonces, and
	// those of all are taken: a new one is put last everywhere before it goes first.
	// Processes behind one URL share them. Nil: a random one of this Verifier.
	NonceKeys [][]byte

	// NonceLifetime is how long a nonce is good for, 1 s to 24 h. Zero: 5 minutes.
	NonceLifetime time.Duration

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Format hides the keys from package fmt.
func (Options) Format(s fmt.State, _ rune) { io.WriteString(s, "dpop.Options{…}") }

// LogValue hides the keys from package slog.
func (Options) LogValue() slog.Value { return slog.StringValue("dpop.Options{…}") }

// Verifier checks proofs. Its methods may be called concurrently.
type Verifier struct {
	opts Options
	base *url.URL // nil: the request's own
}

var _ passbearer.ProofVerifier = (*Verifier)(nil)

// Format hides the keys from package fmt.
func (Verifier) Format(s fmt.State, _ rune) { io.WriteString(s, "dpop.Verifier{…}") }

// LogValue hides the keys from package slog.
func (Verifier) LogValue() slog.Value { return slog.StringValue("dpop.Verifier{…}") }

// New returns a Verifier. An error means that an option is out of its range.
func New(opts *Options) (*Verifier, error) {
	v := new(Verifier)
	if opts != nil {
		v.opts = *opts
	}
	if err := v.opts.complete(); err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	if v.opts.BaseURL != "" {
		var err error
		if v.base, err = parseBase(v.opts.BaseURL); err != nil {
			return nil, fmt.Errorf("dpop: Options.BaseURL: %w", err)
		}
	}
	return v, nil
}

func (o *Options) complete() error {
	orDefault(&o.MaxAge, defaultMaxAge)
	orDefault(&o.NonceLifetime, defaultNonceLifetime)
	orDefault(&o.Leeway, defaultLeeway)
	o.Leeway = max(o.Leeway, 0)
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []time.Duration{o.MaxAge, o.NonceLifetime} {
		if d < time.Second || d > longest {
			return errors.New("Options.MaxAge and NonceLifetime are 1 s to 24 h")
		}
	}
	if o.Leeway > longest {
		return errors.New("Options.Leeway is at most 24 h")
	}
	if err := o.completeAlgorithms(); err != nil {
		return err
	}
	if o.Replays == nil {
		o.Replays = newReplays(maxReplays, o.Now)
	}
	return o.completeNonces()
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

func (o *Options) completeAlgorithms() error {
	known := []string{algES256, algEdDSA, algPS256, algRS256}
	if o.Algorithms == nil {
		o.Algorithms = known
	}
	o.Algorithms = slices.Clone(o.Algorithms)
	if len(o.Algorithms) == 0 {
		return errors.New("Options.Algorithms is empty: nil means all")
	}
	for _, alg := range o.Algorithms {
		if !slices.Contains(known, alg) {
			return fmt.Errorf("Options.Algorithms: %q is none of %q", alg, known)
		}
	}
	return nil
}

func (o *Options) completeNonces() error {
	if !o.RequireNonce && o.NonceKeys != nil {
		return errors.New("Options.NonceKeys are for RequireNonce: set it")
	}
	if o.NonceKeys == nil {
		key := make([]byte, minNonceKey)
		rand.Read(key)
		o.NonceKeys = [][]byte{key}
	}
	keys := make([][]byte, 0, len(o.NonceKeys))
	for _, key := range o.NonceKeys {
		if len(key) < minNonceKey {
			return fmt.Errorf("Options.NonceKeys: a key is %d random bytes or more", minNonceKey)
		}
		keys = append(keys, slices.Clone(key))
	}
	if len(keys) == 0 {
		return errors.New("Options.NonceKeys is empty: nil means a random one")
	}
	o.NonceKeys = keys
	return nil
}

// ProofAlgorithms are those of [Options.Algorithms].
func (v *Verifier) ProofAlgorithms() []string { return slices.Clone(v.opts.Algorithms) }

// VerifyProof checks the proof in r's DPoP header (RFC 9449 §4.3) for accessToken
// or, where that is empty, for a token request, and returns the thumbprint of its
// key. It uses the proof up: only the first of two calls succeeds. A refusal is a
// *passbearer.Error with the code "invalid_dpop_proof", or "use_dpop_nonce" and a
// nonce in its Header. Any other error means that [Options.Replays] has failed.
func (v *Verifier) VerifyProof(r *http.Request, accessToken string) (thumbprint string, err error) {
	fields := r.Header.Values("DPoP")
	if len(fields) != 1 {
		return "", invalid("There must be exactly one DPoP proof", nil)
	}
	key, claims, err := v.open(fields[0])
	if err != nil {
		return "", err
	}
	now := v.opts.Now()
	if err := v.check(r, claims, accessToken, now); err != nil {
		return "", err
	}
	// Last, so that only a proof that is good takes up room.
	first, err := v.opts.Replays.UseOnce(r.Context(), replayID(key.thumbprint, claims.jti), v.replayLifetime())
	switch {
	case err != nil:
		return "", fmt.Errorf("dpop: remember a proof: %w", err)
	case !first:
		return "", invalid("The DPoP proof was used before", nil)
	}
	return key.thumbprint, nil
}

func (v *Verifier) check(r *http.Request, c *claims, accessToken string, now time.Time) error {
	switch {
	case c.method != r.Method:
		return invalid("The DPoP proof is for another method", nil)
	case !v.isURLOf(r, c.url):
		return invalid("The DPoP proof is for another URL", nil)
	case accessToken != "" && c.tokenHash != tokenHash(accessToken):
		return invalid("The DPoP proof is not for this access token", nil)
	case v.opts.RequireNonce && !v.isNonce(c.nonce, now):
		// Before the age: with the nonce, a client makes a new proof.
		return v.useNonce(now)
	}
	if age := now.Sub(c.issuedAt); age > v.opts.MaxAge || age < -v.opts.Leeway {
		return invalid("The DPoP proof is too old, or from the future", nil)
	}
	return nil
}

// tokenHash is ath (RFC 9449 §4.2).
func tokenHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// replayLifetime is how long a proof could be accepted again after its first use:
// that is at the earliest Leeway before iat, and by a clock that is behind by Leeway
// it becomes too old so much later. The second is for the instant itself.
func (v *Verifier) replayLifetime() time.Duration {
	return v.opts.MaxAge + 2*v.opts.Leeway + time.Second
}

// replayID hashes, because a jti may hold anything, and two keys may use the same one.
func replayID(thumbprint, jti string) string {
	sum := sha256.Sum256([]byte(thumbprint + "." + jti)) // a thumbprint has no dot
	return "dpop:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// invalid is a refusal. Neither text holds what the client sent.
func invalid(description string, cause error) *passbearer.Error {
	return &passbearer.Error{ErrorCode: "invalid_dpop_proof", ErrorDescription: description, Cause: cause}
}
