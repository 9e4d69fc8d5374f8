package badinputs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"sync"

	"github.com/passbearer/passbearer/jwttoken"
)

// keyring has the keys of all servers of the process: making them takes long.
type keyring struct {
	current, previous, retired, foreign *ecdsa.PrivateKey // of the server's own tokens, but for the last
	p384                                *ecdsa.PrivateKey
	rsa, rsaForeign                     *rsa.PrivateKey
	ed                                  ed25519.PrivateKey
	secret                              []byte
}

var keyringOnce = sync.OnceValue(func() *keyring {
	k := &keyring{secret: []byte(rand.Text() + rand.Text())}
	for _, key := range []**ecdsa.PrivateKey{&k.current, &k.previous, &k.retired, &k.foreign} {
		*key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	k.p384 = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	k.rsa, k.rsaForeign = must(rsa.GenerateKey(rand.Reader, 2048)), must(rsa.GenerateKey(rand.Reader, 2048))
	k.ed = ed25519.NewKeyFromSeed(k.secret[:ed25519.SeedSize])
	return k
})

// The ids of the keys. Each algorithm of the resources under /key/ has one besides.
const (
	kidCurrent  = "current"
	kidPrevious = "previous"
	kidRetired  = "retired"
)

// verifying are the keys of the resources under /key/, as a resource server has
// them: the public ones, but for HS256.
func (k *keyring) verifying() map[jwttoken.Algorithm]any {
	return map[jwttoken.Algorithm]any{
		jwttoken.HS256: k.secret,
		jwttoken.ES256: &k.current.PublicKey,
		jwttoken.EdDSA: k.ed.Public(),
		jwttoken.RS256: &k.rsa.PublicKey,
		jwttoken.PS256: &k.rsa.PublicKey,
	}
}

// signing is what goes with them.
func (k *keyring) signing() map[jwttoken.Algorithm]any {
	return map[jwttoken.Algorithm]any{
		jwttoken.HS256: k.secret,
		jwttoken.ES256: k.current,
		jwttoken.EdDSA: k.ed,
		jwttoken.RS256: k.rsa,
		jwttoken.PS256: k.rsa,
	}
}

// kidOf is the id of the key of a resource under /key/.
func kidOf(alg jwttoken.Algorithm) string { return "the-" + string(alg) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
