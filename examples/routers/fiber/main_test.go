package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// TestHeaderIsKept: what a handler keeps of a request is not overwritten by the
// next one.
func TestHeaderIsKept(t *testing.T) {
	var kept []string
	app := fiber.New()
	app.Get("/", asHTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { kept = append(kept, r.UserAgent()) })))
	var c fasthttp.RequestCtx // the server, too, takes it for one request after the other
	for i := range 3 {
		c.Request.Header.SetMethod("GET")
		c.Request.SetRequestURI("/")
		c.Request.Header.SetUserAgent(fmt.Sprint("agent ", i))
		app.Handler()(&c)
		require.Equal(t, 200, c.Response.StatusCode())
	}
	require.Equal(t, []string{"agent 0", "agent 1", "agent 2"}, kept)
}

// BenchmarkGuarded tells what a guarded route costs beside an open one.
func BenchmarkGuarded(b *testing.B) {
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "i", "a", nil)
	require.NoError(b, err)
	token, err := tokens.IssueToken(b.Context(), passbearer.Claims{Subject: "u1", ClientID: "c", Scope: "me"})
	require.NoError(b, err)
	app := fiber.New()
	app.Get("/open", func(c fiber.Ctx) error { return c.SendString("hi") })
	app.Get("/guarded", guarded(passbearer.NewGuard(tokens, nil)), me)
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
