package dpop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/dpop"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

// A token that was asked for with a proof is bound to its key, and a Guard
// demands another proof by that key.
func Example() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "me")
	if err != nil {
		panic(err)
	}
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://api.example", "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	proofs, err := dpop.New(&dpop.Options{BaseURL: "https://api.example"})
	if err != nil {
		panic(err)
	}
	signIn := passbearer.NewTokenHandler(memstore.New(johndoe), tokens, &passbearer.TokenHandlerOptions{DPoP: proofs})
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{DPoP: proofs})

	// What a client does: a key of its own, and a new proof for each request.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	form := url.Values{"username": {"johndoe"}, "password": {"secret"}}
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", newProof(key, "POST", "https://api.example/token"))
	w := httptest.NewRecorder()
	signIn.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"token_type":"DPoP"`))

	r = httptest.NewRequest("GET", "/items", nil)
	w = httptest.NewRecorder()
	guard.Handler(http.NotFoundHandler()).ServeHTTP(w, r)
	fmt.Println(w.Header().Values("WWW-Authenticate")[1])
	// Output:
	// 200 true
	// DPoP realm="api", algs="ES256 EdDSA PS256 RS256"
}

// newProof makes a proof for a token request. One for a resource has ath too, the
// SHA-256 hash of the access token in base64url.
func newProof(key *ecdsa.PrivateKey, method, url string) string {
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	proof := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()})
	proof.Header["typ"] = "dpop+jwt"
	proof.Header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256",
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])}
	signed, err := proof.SignedString(key)
	if err != nil {
		panic(err)
	}
	return signed
}
