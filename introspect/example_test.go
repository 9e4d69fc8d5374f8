package introspect_test

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/introspect"
)

// A resource server that takes what its authorization server says is active.
func ExampleNew() {
	tokens, err := introspect.New(introspect.Endpoint{
		URL:      "https://id.example/introspect",
		ClientID: "items-api",
		Audience: "https://api.example",
	}, os.Getenv("INTROSPECTION_SECRET"), nil)
	if err != nil {
		log.Fatal(err)
	}
	guard := passbearer.NewGuard(tokens, nil)
	http.Handle("GET /items/", guard.Require("items:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		fmt.Fprintf(w, "Hello, user %s\n", c.Subject)
	}))
}

// Without an audience, a token that its user gave to any other API of the server would
// be taken here.
func ExampleNew_incorrect() {
	_, err := introspect.New(introspect.Endpoint{URL: "https://id.example/introspect", ClientID: "items-api"}, "s3cret", nil)
	fmt.Println(err)
	// Output: introspect: new verifier: Endpoint.Audience is empty; set it or InsecureSkipAudience
}
