package remotejwks_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/remotejwks"
)

// A service that takes the tokens of a Keycloak realm, and reads its roles as scope.
func ExampleNew() {
	tokens, err := remotejwks.New([]remotejwks.Issuer{{
		URL:      "https://keycloak.example/realms/shop",
		Audience: "https://api.example",
		Map:      remotejwks.ScopeFrom("/resource_access/shop-api/roles"),
	}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	guard := passbearer.NewGuard(tokens, nil)
	http.Handle("GET /items/", guard.Require("items:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		fmt.Fprintf(w, "Hello, user %s\n", c.Subject)
	}))
}

// Without an audience, a token that its user gave to any other API of the issuer would be taken here.
func ExampleNew_incorrect() {
	_, err := remotejwks.New([]remotejwks.Issuer{{URL: "https://id.example"}}, nil)
	fmt.Println(err)
	// Output: remotejwks: issuer "https://id.example": jwttoken: new verifier: the audience is empty; set it or InsecureSkipAudience
}
