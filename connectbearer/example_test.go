package connectbearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
	"github.com/passbearer/passbearer/connectbearer"
)

func ExampleDeny() {
	guard := passbearer.NewGuard(bearertest.Verifier(), &passbearer.GuardOptions{Deny: connectbearer.Deny})
	procedures := http.NewServeMux() // connecthttp.Mount fills it
	h := guard.Require("me").Handler(procedures)

	r := httptest.NewRequest("POST", "/example.Users/Me", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	// Output: 401 Bearer realm="api" {"code":"unauthenticated","message":"Not authenticated"}
}
