package fiberbearer_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
	"github.com/passbearer/passbearer/fiberbearer"
)

var t testing.TB = example{} // a test's own

type example struct{ testing.TB }

func (example) Helper() {}

func ExampleRequire() {
	guard := passbearer.NewGuard(bearertest.Verifier(), nil)
	app := fiber.New()
	app.Get("/me", fiberbearer.Require(guard.Require("me")), func(c fiber.Ctx) error {
		claims, _ := passbearer.FromContext(c.Context())
		return c.SendString("Hello, user " + claims.Subject)
	})
	for _, token := range []string{bearertest.Token(t, "johndoe", "me"), bearertest.Token(t, "johndoe", "you")} {
		r := httptest.NewRequest("GET", "/me", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := app.Test(r)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(res.Body)
		fmt.Println(res.StatusCode, string(body))
	}
	// Output:
	// 200 Hello, user johndoe
	// 403 {"detail":"The token lacks a scope that this resource demands"}
}
