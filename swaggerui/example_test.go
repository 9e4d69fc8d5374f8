package swaggerui_test

import (
	"net/http"

	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/swaggerui"
)

// With package openapi, the page is an option.
func ExampleNew() {
	api := openapi.New("Items", "1.0", &openapi.Options{Docs: swaggerui.New(nil)})
	http.ListenAndServe("localhost:8000", api)
}

// Without it, the page is mounted beside a document.
func ExampleNew_mounted() {
	docs := swaggerui.New(&swaggerui.Options{Document: "../v2/openapi.json", Title: "Items"})
	mux := http.NewServeMux()
	mux.Handle("GET /docs", docs) // redirects to the page
	mux.Handle("GET /docs/", docs)
	mux.HandleFunc("GET /v2/openapi.json", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "openapi.json") })
	http.ListenAndServe("localhost:8000", mux)
}
