package fiberbearer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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
			app.Use(func(c fiber.Ctx) error { c.Set("Cache-Control", "private"); return c.Next() })
			app.Get("/", fiberbearer.Require(passbearer.NewGuard(&tt.verifier, nil).Require("me")), func(c fiber.Ctx) error {
				called = true
				claims, ok := passbearer.FromContext(c.Context())
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
			require.Equal(t, []string{map[bool]string{true: "private", false: "no-store"}[called]}, res.Header["Cache-Control"])
			require.Equal(t, tt.status == 503, res.Header.Get("Retry-After") == "1")
			require.Equal(t, tt.status == 401 || tt.status == 403, res.Header.Get("WWW-Authenticate") != "")
		})
	}
}

func TestOptional(t *testing.T) {
	app := fiber.New()
	guard := passbearer.NewGuard(&verifier{err: passbearer.ErrInvalidToken}, &passbearer.GuardOptions{Optional: true})
	app.Get("/", fiberbearer.Require(guard), func(c fiber.Ctx) error {
		_, ok := passbearer.FromContext(c.Context())
		require.False(t, ok)
		return nil
	})
	res, err := app.Test(httptest.NewRequest("GET", "/", nil))
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
}

func TestNil(t *testing.T) {
	require.Panics(t, func() { fiberbearer.Require(nil) })
	require.Panics(t, func() { fiberbearer.Handler(nil) })
}

// TestNothingIsOverwritten: what is kept of a request is not the next one's memory, and
// a header that came twice is there twice.
func TestNothingIsOverwritten(t *testing.T) {
	var kept []*http.Request
	var claims []*passbearer.Claims
	app := fiber.New()
	guard := passbearer.NewGuard(echo{}, &passbearer.GuardOptions{Extract: func(r *http.Request) (string, error) { return r.URL.Query().Get("ticket"), nil }})
	keep := func(w http.ResponseWriter, r *http.Request) {
		kept = append(kept, r)
		require.Len(t, r.Header["Authorization"], 2)
		io.Copy(w, r.Body)
	}
	app.Post("/:id", fiberbearer.Require(guard), func(c fiber.Ctx) error {
		said, ok := passbearer.FromContext(c.Context())
		require.True(t, ok)
		claims = append(claims, said)
		return c.Next()
	}, fiberbearer.Handler(http.HandlerFunc(keep)))
	var c fasthttp.RequestCtx // the server, too, takes it for one request after the other
	for i := range 3 {
		c.Request.Reset()
		c.Response.Reset()
		c.Request.Header.SetMethod("POST")
		c.Request.SetRequestURI(fmt.Sprintf("/%d?ticket=user-%d", i, i))
		c.Request.Header.SetHost(fmt.Sprintf("host%d.example", i))
		c.Request.Header.SetUserAgent(fmt.Sprint("agent ", i))
		c.Request.Header.Add("Authorization", "Bearer a")
		c.Request.Header.Add("Authorization", "Bearer b")
		c.Request.SetBodyString(fmt.Sprint("body ", i))
		app.Handler()(&c)
		require.Equal(t, 200, c.Response.StatusCode())
		require.Equal(t, fmt.Sprint("body ", i), string(c.Response.Body()))
	}
	for i, r := range kept {
		require.Equal(t, fmt.Sprintf("POST /%d?ticket=user-%d host%d.example agent %d", i, i, i, i),
			fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Host, r.UserAgent()))
		require.Equal(t, r.URL.String(), r.RequestURI)
		require.Empty(t, r.Header["Host"])
		require.Equal(t, fmt.Sprintf("user-%d", i), claims[i].Subject)
	}
}

// echo takes a token for its subject.
type echo struct{}

func (echo) VerifyToken(_ context.Context, token string) (*passbearer.Claims, error) {
	return &passbearer.Claims{Subject: token}, nil
}

// TestContext: what middleware puts into fiber's context reaches the verifier.
func TestContext(t *testing.T) {
	type key struct{}
	v := verifierFunc(func(ctx context.Context) { require.Equal(t, "span", ctx.Value(key{})) })
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error { c.SetContext(context.WithValue(c.Context(), key{}, "span")); return c.Next() })
	app.Get("/", fiberbearer.Require(passbearer.NewGuard(v, nil)), func(c fiber.Ctx) error {
		require.Equal(t, "span", c.Context().Value(key{}))
		return nil
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer t")
	res, err := app.Test(r)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
}

type verifierFunc func(context.Context)

func (f verifierFunc) VerifyToken(ctx context.Context, _ string) (*passbearer.Claims, error) {
	f(ctx)
	return &passbearer.Claims{Subject: "u1"}, nil
}

// TestStreams: a guard reads no body, and a handler no more than fiber's limit.
func TestStreams(t *testing.T) {
	app := fiber.New(fiber.Config{StreamRequestBody: true, BodyLimit: 1000})
	var read atomic.Int64
	read.Store(-1)
	count := func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		read.Store(n)
		w.WriteHeader(204)
	}
	app.Post("/guarded", fiberbearer.Require(passbearer.NewGuard(&verifier{}, nil)))
	app.Post("/open", fiberbearer.Handler(http.HandlerFunc(count)))
	base := serve(t, app)
	for _, tt := range []struct {
		path   string
		length int
		end    string
		status int
		read   int64
	}{
		{"/guarded", 1, "", 401, -1}, // though more is to come
		{"/open", 1001, "0\r\n\r\n", 413, -1},
		{"/open", 1000, "0\r\n\r\n", 204, 1000},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		require.NoError(t, err)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%s", tt.path, tt.length, strings.Repeat("x", tt.length), tt.end)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		conn.Close()
		require.Equal(t, tt.status, res.StatusCode, tt)
		require.Equal(t, tt.read, read.Swap(-1), tt)
	}
}

// TestPanics: fiber's middleware sees the panic itself, and http.ErrAbortHandler hangs up.
func TestPanics(t *testing.T) {
	seen := make(chan any, 2)
	app := fiber.New()
	app.Use(func(c fiber.Ctx) (err error) {
		defer func() {
			v := recover()
			if seen <- v; v != nil {
				err = fiber.ErrInternalServerError
			}
		}()
		return c.Next()
	})
	app.Get("/fault", fiberbearer.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a cause") })))
	app.Get("/abort", fiberbearer.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
	base := serve(t, app)
	get := func(path string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", base+path, nil)
		require.NoError(t, err)
		return http.DefaultTransport.RoundTrip(r)
	}
	res, err := get("/fault")
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, 500, res.StatusCode)
	require.Equal(t, "a cause", <-seen)
	if res, err = get("/abort"); err == nil {
		res.Body.Close()
	}
	require.Error(t, err)
	require.Nil(t, <-seen)
}

func serve(t *testing.T, app *fiber.App) (base string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		require.NoError(t, app.Shutdown())
		require.NoError(t, <-done)
	})
	return "http://" + listener.Addr().String()
}

// TestAnswer: what a handler of net/http need not say is said as net/http says it.
func TestAnswer(t *testing.T) {
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error {
		c.Cookie(&fiber.Cookie{Name: "csrf", Value: "x", SameSite: "disabled"})
		c.Vary("Origin")
		c.Set("Content-Type", "text/plain")
		return c.Next()
	})
	app.Get("/", fiberbearer.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Add("Vary", "Accept")
		io.WriteString(w, "<html>")
		w.WriteHeader(500)
	})))
	res, err := app.Test(httptest.NewRequest("GET", "/", nil))
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, []string{"csrf=x; path=/", "a=1", "b=2"}, res.Header["Set-Cookie"], "that of the middleware too")
	require.Equal(t, []string{"Origin", "Accept"}, res.Header["Vary"])
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
