package remotejwks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"

	"github.com/passbearer/passbearer/jwttoken"
)

const (
	maxKeys = 100
	maxRSA  = 8192 // bits; the work of a verification grows with them
)

// jwk is what is used of a key of a JWK Set. It has no room for x5u, x5c and the like, which are not looked at.
type jwk struct {
	Type     jwkset.KTY `json:"kty"`
	Curve    jwkset.CRV `json:"crv"`
	X        string     `json:"x"`
	Y        string     `json:"y"`
	Modulus  string     `json:"n"`
	Exponent string     `json:"e"`
	Alg      string     `json:"alg"`
	KeyID    string     `json:"kid"`
}

// restrictions are the members that keep a key from being used.
type restrictions struct {
	Use        *string         `json:"use"`
	Operations *[]string       `json:"key_ops"`
	Private    json.RawMessage `json:"d"`
}

// parseSet returns the keys that can be used, which may be none. skipped says why others cannot. An error is about the
// set as such.
func parseSet(text []byte) (jwks []jwk, keys []jwttoken.Key, skipped, err error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, nil, nil, fmt.Errorf("JWK Set cannot be read: %w", err)
	}
	if set.Keys == nil {
		return nil, nil, nil, errors.New("JWK Set has no member keys")
	}
	var reasons []error
	for i, raw := range *set.Keys {
		j, key, err := parseKey(raw)
		switch {
		case err != nil:
		case len(keys) == maxKeys:
			err = fmt.Errorf("there are %d others", maxKeys)
		default:
			_, err = jwttoken.NewKeys(append(keys, key)...) // refuses the second of two with one id
		}
		if err != nil {
			reasons = append(reasons, fmt.Errorf("key %d (kid %.64q) is not used: %w", i, j.KeyID, err))
			continue
		}
		jwks, keys = append(jwks, j), append(keys, key)
	}
	return jwks, keys, errors.Join(reasons...), nil
}

func parseKey(raw json.RawMessage) (j jwk, none jwttoken.Key, err error) {
	var limits restrictions
	if err := errors.Join(json.Unmarshal(raw, &j), json.Unmarshal(raw, &limits)); err != nil {
		return j, none, errors.New("it cannot be read")
	}
	switch {
	case limits.Use != nil && *limits.Use != "sig":
		return j, none, errors.New("use is not sig")
	case limits.Operations != nil && !slices.Contains(*limits.Operations, "verify"):
		return j, none, errors.New("key_ops is without verify")
	case limits.Private != nil:
		return j, none, errors.New("it is private, and published: replace it")
	}
	alg, err := j.algorithm()
	if err != nil {
		return j, none, err
	}
	public, err := j.public(alg)
	if err != nil {
		return j, none, err
	}
	key, err := jwttoken.NewKey(alg, public, j.KeyID)
	return j, key, err
}

// algorithm is what the key is used with, and nothing else: that of alg, or the usual one where the issuer names none, as
// Entra ID does not.
func (j jwk) algorithm() (jwttoken.Algorithm, error) {
	var fitting []jwttoken.Algorithm
	switch {
	case j.Type == jwkset.KtyRSA:
		fitting = []jwttoken.Algorithm{jwttoken.RS256, jwttoken.PS256}
	case j.Type == jwkset.KtyEC && j.Curve == jwkset.CrvP256:
		fitting = []jwttoken.Algorithm{jwttoken.ES256}
	case j.Type == jwkset.KtyOKP && j.Curve == jwkset.CrvEd25519:
		fitting = []jwttoken.Algorithm{jwttoken.EdDSA}
	case j.Type == jwkset.KtyOct:
		return "", errors.New("it is symmetric: who may verify with it may also sign")
	default:
		return "", fmt.Errorf("kty %.20q with crv %.20q is not supported", j.Type, j.Curve)
	}
	if j.Alg == "" {
		return fitting[0], nil
	}
	if alg := jwttoken.Algorithm(j.Alg); slices.Contains(fitting, alg) {
		return alg, nil
	}
	return "", fmt.Errorf("alg %.20q is not supported with kty %q", j.Alg, j.Type)
}

func (j jwk) public(alg jwttoken.Algorithm) (any, error) {
	if len(j.Modulus) > maxRSA/6+8 { // base64 has 6 bits in a character
		return nil, fmt.Errorf("it has more than %d bits", maxRSA)
	}
	key, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{KTY: j.Type, CRV: j.Curve, X: j.X, Y: j.Y, N: j.Modulus, E: j.Exponent,
		ALG: jwkset.ALG(alg), KID: j.KeyID}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, err
	}
	return key.Key(), nil
}
