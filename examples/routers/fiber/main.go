// Command fiber guards the routes of fiber, which is not made of net/http. The glue
// is module fiberbearer.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	"github.com/gofiber/fiber/v3"
	recoverer "github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/fiberbearer"
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
	app.Use(recoverer.New()) // or a panic ends the process
	app.Post("/token", fiberbearer.Handler(passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil)))
	app.Get("/me", fiberbearer.Require(guard.Require("me")), me)
	app.Group("/admin", fiberbearer.Require(guard.Require("admin"))).Get("/", me)

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}))
}

func me(c fiber.Ctx) error {
	claims, _ := passbearer.FromContext(c.Context())
	return c.SendString("Hello, user " + claims.Subject + "\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
