// Package provider is an OpenID provider for tests: authorization code + PKCE, and access tokens that are JWTs.
package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// RedirectURI is the client's.
const RedirectURI = "http://127.0.0.1/callback"

// Start runs an OpenID provider with the user johndoe, who is signed in already, and the client spa, whose tokens
// are for audience.
func Start(t testing.TB, audience string) (issuer string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	s := &storage{audience: audience, private: private, requests: map[string]*authRequest{}, codes: map[string]string{}}
	server := httptest.NewUnstartedServer(nil)
	issuer = "http://" + server.Listener.Addr().String()
	provider, err := op.NewProvider(&op.Config{CodeMethodS256: true}, s, op.StaticIssuer(issuer), op.WithAllowInsecure())
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	// In the place of the page that asks for the password, or the passkey.
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		ctx := op.ContextWithIssuer(r.Context(), issuer)
		http.Redirect(w, r, op.AuthCallbackURL(provider)(ctx, r.FormValue("id")), http.StatusFound)
	})
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}

// storage has the methods that the provider calls for authorization code + PKCE; the others panic.
type storage struct {
	op.Storage
	audience string
	private  *ecdsa.PrivateKey

	mu       sync.Mutex
	requests map[string]*authRequest
	codes    map[string]string // ids of requests
}

var errUnknown = errors.New("unknown")

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := &authRequest{id: rand.Text(), audience: s.audience, time: time.Now(), AuthRequest: r}
	s.requests[request.id] = request
	return request, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.requests[id]; r != nil {
		return r, nil
	}
	return nil, errUnknown
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (id string, expiry time.Time, err error) {
	return rand.Text(), time.Now().Add(5 * time.Minute), nil
}

func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != "spa" {
		return nil, errUnknown
	}
	return client{}, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	return signingKey{s.private}, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{&s.private.PublicKey}}, nil
}

func (s *storage) Health(context.Context) error { return nil }

type signingKey struct{ private *ecdsa.PrivateKey }

func (signingKey) ID() string                                  { return "one" }
func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                  { return k.private }

type publicKey struct{ public *ecdsa.PublicKey }

func (publicKey) ID() string                         { return "one" }
func (publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                         { return k.public }

// authRequest is a request whose user is signed in.
type authRequest struct {
	*oidc.AuthRequest
	id       string
	audience string
	time     time.Time
}

func (r *authRequest) GetID() string          { return r.id }
func (r *authRequest) GetACR() string         { return "" }
func (r *authRequest) GetAMR() []string       { return []string{"pwd"} }
func (r *authRequest) GetAudience() []string  { return []string{r.audience} }
func (r *authRequest) GetAuthTime() time.Time { return r.time }
func (r *authRequest) GetClientID() string    { return r.ClientID }
func (r *authRequest) GetNonce() string       { return r.Nonce }
func (r *authRequest) GetScopes() []string    { return r.Scopes }
func (r *authRequest) GetSubject() string     { return "johndoe" }
func (r *authRequest) Done() bool             { return true }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// client is public, so PKCE is what binds the code to it.
type client struct{}

func (client) GetID() string                        { return "spa" }
func (client) RedirectURIs() []string               { return []string{RedirectURI} }
func (client) PostLogoutRedirectURIs() []string     { return nil }
func (client) ApplicationType() op.ApplicationType  { return op.ApplicationTypeNative }
func (client) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodNone }
func (client) ResponseTypes() []oidc.ResponseType   { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (client) LoginURL(id string) string            { return "/login?id=" + id }
func (client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (client) IDTokenLifetime() time.Duration       { return 5 * time.Minute }
func (client) DevMode() bool                        { return false }
func (client) IsScopeAllowed(scope string) bool     { return strings.HasPrefix(scope, "items:") }
func (client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (client) ClockSkew() time.Duration             { return 0 }
func (client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
