// Package fiberbearer guards the routes of fiber, which is not made of net/http, with
// the Guards that guard an HTTP API: the same verifier, scopes, events and answers.
//
//	app.Use(recoverer.New()) // fiber's, without which a panic anywhere ends the process
//	app.Post("/token", fiberbearer.Handler(passbearer.NewTokenHandler(users, tokens, nil)))
//	app.Get("/me", fiberbearer.Require(guard.Require("me")), func(c fiber.Ctx) error {
//		claims, _ := passbearer.FromContext(c.Context())
//		return c.SendString("Hello, user " + claims.Subject)
//	})
//
// Guards and handlers see a copy of the request: fiber's own is memory that the next
// request overwrites, also under what an application has kept of it. Their context is
// c.Context(), which does not end when the client goes: fasthttp does not tell.
package fiberbearer

import (
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/passbearer/passbearer"
)

// Require returns a handler that goes on to the next one if guard admits the request,
// whose claims are then in c.Context(), and otherwise sends guard's answer. It never
// reads a body. It panics if guard is nil.
func Require(guard *passbearer.Guard) fiber.Handler {
	if guard == nil {
		panic("fiberbearer: Require(nil): passbearer.NewGuard makes the Guard")
	}
	return func(c fiber.Ctx) error {
		r, err := request(c)
		if err != nil {
			return err
		}
		a := newAnswer()
		if r = guard.Admit(a, r); r == nil {
			return a.send(c)
		}
		c.SetContext(r.Context())
		return c.Next()
	}
}

// Handler returns a handler that lets h answer, a [passbearer.TokenHandler] for
// instance. Body and answer are held in memory, the body up to fiber's BodyLimit, so h
// cannot stream. How long a client may take to send the body fiber's ReadTimeout says,
// which is unbounded unless it is set. It panics if h is nil.
func Handler(h http.Handler) fiber.Handler {
	if h == nil {
		panic("fiberbearer: Handler(nil): give it the handler that answers")
	}
	return func(c fiber.Ctx) (err error) {
		r, err := request(c)
		if err != nil {
			return err
		}
		if err := readBody(c, r); err != nil {
			return err
		}
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler: // it hangs up, as in net/http
				err = c.Drop()
			default:
				panic(v)
			}
		}()
		a := newAnswer()
		h.ServeHTTP(a, r)
		return a.send(c)
	}
}
