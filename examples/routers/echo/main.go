// Command echo guards the routes of echo. It needs no glue: echo wraps handlers
// and middlewares of net/http, and the claims are in the request's context.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/labstack/echo/v5"

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

	router := echo.New()
	router.POST("/token", echo.WrapHandler(passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil)))
	router.GET("/me", me, echo.WrapMiddleware(guard.Require("me").Handler))
	router.Group("/admin", echo.WrapMiddleware(guard.Require("admin").Handler)).GET("", me)

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, router))
}

func me(c *echo.Context) error {
	claims, _ := passbearer.FromContext(c.Request().Context())
	return c.String(http.StatusOK, "Hello, user "+claims.Subject+"\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
