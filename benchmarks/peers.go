package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/validator"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/jwtauth/v5"
	jwtv4 "github.com/golang-jwt/jwt/v4"
	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
	jwxt "github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/modelcontextprotocol/go-sdk/auth"
)

// peer is another middleware around a handler that does nothing, set up to check what this library checks:
// the algorithm, the signature, issuer, audience and expiry. (gin-jwt can be told neither of issuer nor of
// audience.)
type peer struct {
	name  string
	algs  string // those it is measured with; HS256 always
	build func(s *suite) http.Handler
}

var peers = []peer{
	{"golang-jwt, plain", "ES256 EdDSA RS256", plain},
	{"echo-jwt", "ES256 EdDSA RS256", echoJWT},
	{"MCP SDK", "ES256 EdDSA RS256", mcp},
	{"gin-jwt", "", ginJWT},
	{"auth0", "ES256 EdDSA RS256", auth0},
	{"jwtauth", "ES256 EdDSA RS256", chiJWT},
}

func (p *peer) measures(s *suite) bool { return s.alg == "HS256" || strings.Contains(p.algs, s.alg) }

type tokenClaims struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func (s *suite) parserOptions() []jwt.ParserOption {
	return []jwt.ParserOption{jwt.WithValidMethods([]string{s.alg}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired()}
}

func (s *suite) keyFunc(*jwt.Token) (any, error) { return s.public, nil }

// plain is what one writes around golang-jwt.
func plain(s *suite) http.Handler {
	parser := jwt.NewParser(s.parserOptions()...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		claims := new(tokenClaims)
		if _, err := parser.ParseWithClaims(text, claims, s.keyFunc); err != nil {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		nothing(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
	})
}

func echoJWT(s *suite) http.Handler {
	parser := jwt.NewParser(s.parserOptions()...)
	e := echo.New()
	e.GET("/items/", func(echo.Context) error { return nil }, echojwt.WithConfig(echojwt.Config{
		ParseTokenFunc: func(_ echo.Context, text string) (any, error) {
			return parser.ParseWithClaims(text, new(tokenClaims), s.keyFunc)
		},
	}))
	return e
}

func mcp(s *suite) http.Handler {
	parser := jwt.NewParser(s.parserOptions()...)
	verify := func(_ context.Context, text string, _ *http.Request) (*auth.TokenInfo, error) {
		claims := new(tokenClaims)
		if _, err := parser.ParseWithClaims(text, claims, s.keyFunc); err != nil {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{UserID: claims.Subject, Scopes: strings.Fields(claims.Scope), Expiration: claims.ExpiresAt.Time}, nil
	}
	return auth.RequireBearerToken(verify, nil)(http.HandlerFunc(nothing))
}

func ginJWT(s *suite) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	gin.DefaultWriter = io.Discard
	m := must(ginjwt.New(&ginjwt.GinJWTMiddleware{
		Realm: "api", SigningAlgorithm: s.alg, Key: s.private.([]byte), Timeout: time.Hour, IdentityKey: "sub", ParseOptions: []jwtv4.ParserOption{jwtv4.WithValidMethods([]string{s.alg})},
	}))
	engine := gin.New()
	engine.GET("/items/", m.MiddlewareFunc(), func(*gin.Context) {})
	return engine
}

func auth0(s *suite) http.Handler {
	keyFunc := func(context.Context) (any, error) { return s.public, nil }
	v := must(validator.New(keyFunc, validator.SignatureAlgorithm(s.alg), issuer, []string{audience}))
	return jwtmiddleware.New(v.ValidateToken).CheckJWT(http.HandlerFunc(nothing))
}

func chiJWT(s *suite) http.Handler {
	a := jwtauth.New(s.alg, s.private, s.public, jwxt.WithIssuer(issuer), jwxt.WithAudience(audience), jwxt.WithRequiredClaim("exp"))
	return jwtauth.Verifier(a)(jwtauth.Authenticator(a)(http.HandlerFunc(nothing)))
}
