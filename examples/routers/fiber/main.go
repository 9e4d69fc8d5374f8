// Command fiber guards the routes of fiber, which is not made of net/http. The
// glue is asHTTP, which lends a request to a handler of net/http, and guarded,
// which hands the claims on as a local of fiber's context. It costs a copy of the
// header and, by fiber's adaptor, a goroutine; and a request's context does not
// end when its client goes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	guard := passbearer.NewGuard(tokens, nil)

	app := fiber.New()
	app.Post("/token", asHTTP(passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil)))
	app.Get("/me", guarded(guard.Require("me")), me)
	app.Group("/admin", guarded(guard.Require("admin"))).Get("/", me)

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}))
}

type claimsKey struct{}

func me(c fiber.Ctx) error {
	claims := fiber.Locals[passbearer.Claims](c, claimsKey{})
	return c.SendString("Hello, user " + claims.Subject + "\n")
}

func guarded(guard *passbearer.Guard) fiber.Handler {
	return func(c fiber.Ctx) error {
		admitted := false
		err := asHTTP(guard.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, claims *passbearer.Claims) {
			admitted = true
			c.Locals(claimsKey{}, *claims)
		}))(c)
		if err != nil || !admitted {
			return err
		}
		return c.Next()
	}
}

// asHTTP copies the header. The adaptor's own is memory that the next request
// overwrites, also under what an application has kept of it, and as of fasthttp 1.69
// it has only the last of two Authorization headers.
func asHTTP(h http.Handler) fiber.Handler {
	return func(c fiber.Ctx) error {
		header := http.Header{}
		for name, value := range c.Request().Header.All() {
			header.Add(string(name), string(value))
		}
		return adaptor.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header = header
			h.ServeHTTP(w, r)
		}))(c)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
