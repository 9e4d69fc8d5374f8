package fiberbearer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
	"github.com/passbearer/passbearer/fiberbearer"
)

// verifier answers with err, or with claims.
type verifier struct {
	claims passbearer.Claims
	err    error
}

func (v *verifier) VerifyToken(context.Context, string) (*passbearer.Claims, error) {
	return &v.claims, v.err
}

// TestRequire: the Guard's answers, and a handler that runs for none of them.
func TestRequire(t *testing.T) {
	for _, tt := range []struct {
		name, authorization string
		verifier            verifier
		status              int
		body                string
	}{
		{"good", "Bearer t", verifier{passbearer.Claims{Subject: "u1", Scope: "me"}, nil}, 201, "u1"},
		{"no token", "", verifier{}, 401, `{"detail":"Not authenticated"}` + "\n"},
		{"invalid", "Bearer t", verifier{err: passbearer.ErrInvalidToken}, 401, `{"detail":"Could not validate credentials"}` + "\n"},
		{"scope missing", "Bearer t", verifier{claims: passbearer.Claims{Subject: "u1"}}, 403, `{"detail":"The token lacks a scope that this resource demands"}` + "\n"},
		{"unavailable", "Bearer t", verifier{err: errors.New("down")}, 503, `{"detail":"Temporarily unavailable"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			app := fiber.New()
			app.Get("/", fiberbearer.Require(passbearer.NewGuard(&tt.verifier, nil).Require("me")), func(c fiber.Ctx) error {
				called = true
				claims, ok := fiberbearer.Claims(c)
				require.True(t, ok)
				return c.Status(201).SendString(claims.Subject)
			})
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", tt.authorization)
			res, err := app.Test(r)
			require.NoError(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, tt.status, res.StatusCode)
			require.Equal(t, tt.body, string(body))
			require.Equal(t, tt.status == 201, called)
			require.Equal(t, tt.status == 401 || tt.status == 403, res.Header.Get("WWW-Authenticate") != "")
		})
	}
}

func TestNoClaims(t *testing.T) {
	app := fiber.New()
	app.Get("/", func(c fiber.Ctx) error {
		claims, ok := fiberbearer.Claims(c)
		require.False(t, ok)
		require.Zero(t, claims)
		return nil
	})
	res, err := app.Test(httptest.NewRequest("GET", "/", nil))
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
}

// TestHeaderIsKept: what a handler keeps of a request is not overwritten by the
// next one, and a header that came twice is there twice.
func TestHeaderIsKept(t *testing.T) {
	var kept []string
	app := fiber.New()
	app.Get("/", fiberbearer.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		kept = append(kept, r.UserAgent())
		require.Len(t, r.Header["Authorization"], 2)
	})))
	var c fasthttp.RequestCtx // the server, too, takes it for one request after the other
	for i := range 3 {
		c.Request.Reset()
		c.Request.Header.SetMethod("GET")
		c.Request.SetRequestURI("/")
		c.Request.Header.SetUserAgent(fmt.Sprint("agent ", i))
		c.Request.Header.Add("Authorization", "Bearer a")
		c.Request.Header.Add("Authorization", "Bearer b")
		app.Handler()(&c)
		require.Equal(t, 200, c.Response.StatusCode())
	}
	require.Equal(t, []string{"agent 0", "agent 1", "agent 2"}, kept)
}

// BenchmarkRequire tells what a guarded route costs beside an open one.
func BenchmarkRequire(b *testing.B) {
	app := fiber.New()
	greet := func(c fiber.Ctx) error { return c.SendString("hi") }
	app.Get("/open", greet)
	app.Get("/guarded", fiberbearer.Require(passbearer.NewGuard(bearertest.Verifier(), nil)), greet)
	token := bearertest.Token(b, "johndoe", "me")
	for _, path := range []string{"/open", "/guarded"} {
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			handler := app.Handler()
			var c fasthttp.RequestCtx
			c.Request.Header.SetMethod("GET")
			c.Request.SetRequestURI(path)
			c.Request.Header.Set("Authorization", "Bearer "+token)
			for b.Loop() {
				handler(&c)
			}
			require.Equal(b, 200, c.Response.StatusCode())
		})
	}
}
