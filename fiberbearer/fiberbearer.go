// Package fiberbearer guards the routes of fiber, which is not made of net/http, with
// the Guards that guard an HTTP API: the same verifier, scopes, events and answers.
//
//	app.Post("/token", fiberbearer.Handler(passbearer.NewTokenHandler(users, tokens, nil)))
//	app.Get("/me", fiberbearer.Require(guard.Require("me")), me)
//
// A request costs a copy of its header and, by fiber's adaptor, a goroutine. What the
// request's context says to a store does not end when its client goes: fasthttp does
// not tell.
package fiberbearer

import (
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/passbearer/passbearer"
)

type claimsKey struct{}

// Claims returns what the token of c's request says, and false if no [Require] has
// admitted it. It belongs to the caller.
func Claims(c fiber.Ctx) (passbearer.Claims, bool) {
	claims, ok := c.Locals(claimsKey{}).(passbearer.Claims)
	return claims, ok
}

// Require returns a handler that goes on to the next one if guard admits the request,
// and otherwise leaves guard's answer.
func Require(guard *passbearer.Guard) fiber.Handler {
	return func(c fiber.Ctx) error {
		admitted := false
		err := Handler(guard.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, claims *passbearer.Claims) {
			admitted = true
			c.Locals(claimsKey{}, *claims)
		}))(c)
		if err != nil || !admitted {
			return err
		}
		return c.Next()
	}
}

// Handler lends requests to h, a [passbearer.TokenHandler] for instance.
//
// It copies the header. That of fiber's adaptor is memory which the next request
// overwrites, also under what an application has kept of it, and as of fasthttp 1.69
// it has only the last of two Authorization headers.
func Handler(h http.Handler) fiber.Handler {
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
