package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
)

func getItem(http.ResponseWriter, *http.Request, *passbearer.Claims) {}

// securityOf prints what the API's document says of GET path.
func securityOf(api *openapi.API, path string) {
	text, err := api.Document()
	if err != nil {
		panic(err)
	}
	var document struct {
		Paths map[string]struct {
			Get struct{ Security json.RawMessage }
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		panic(err)
	}
	fmt.Println(path, string(document.Paths[path].Get.Security))
}

func Example() {
	guard := passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Scopes: map[string]string{"items:read": "Read items"}})

	api := openapi.New("Items", "1.0", nil)
	api.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(), tokens{}, nil))
	api.Handle("GET /items/{id}", guard.Require("items:read").HandlerFunc(getItem), openapi.Operation{
		Summary: "One item",
		Responses: map[int]openapi.Response{
			200: {Description: "The item", Body: json.RawMessage(`{"type":"object"}`)},
		},
	})
	// http.ListenAndServe("localhost:8000", api) serves all of it, and /openapi.json.
	securityOf(api, "/items/{id}")
	// Output: /items/{id} [{"OAuth2PasswordBearer":["items:read"]}]
}

// logged stands for any middleware.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

// Nobody can look into a function: name what a middleware wraps.
func ExampleAPI_Handle_middleware() {
	guarded := passbearer.NewGuard(tokens{}, nil).Require("items:read").HandlerFunc(getItem)

	api := openapi.New("Items", "1.0", nil)
	api.Handle("GET /items", logged(guarded), openapi.Operation{Wraps: guarded})
	securityOf(api, "/items")
	// Output: /items [{"HTTPBearer":["items:read"]}]
}

// The route is guarded all the same, and the document says that it is public.
func ExampleAPI_Handle_incorrect() {
	guarded := passbearer.NewGuard(tokens{}, nil).Require("items:read").HandlerFunc(getItem)

	api := openapi.New("Items", "1.0", nil)
	api.Handle("GET /items", logged(guarded))
	securityOf(api, "/items")
	// Output: /items []
}

func ExampleAPI_Merge() {
	guard := passbearer.NewGuard(tokens{}, nil)

	api := openapi.New("Items", "1.0", nil)
	api.Handle("GET /items", guard.Require("items:read").HandlerFunc(getItem))
	written := []byte(`{"openapi":"3.1.0","paths":{"/items":{"get":{"summary":"All items"}}}}`) // from a file, with go:embed say
	if err := api.Merge(written); err != nil {
		panic(err)
	}
	securityOf(api, "/items")
	// Output: /items [{"HTTPBearer":["items:read"]}]
}

func ExampleAPI_Merge_incorrect() {
	guard := passbearer.NewGuard(tokens{}, nil)

	api := openapi.New("Items", "1.0", nil)
	api.Handle("GET /items", guard.Require("items:read").HandlerFunc(getItem))
	fmt.Println(api.Merge([]byte(`{"openapi":"3.1.0","paths":{"/items":{"get":{"security":[]}}}}`)))
	// Output: openapi: Merge: GET /items: the document says security [], and what is enforced is [{"HTTPBearer":["items:read"]}]: leave security out, and it is filled in
}
