package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/swaggerui"
)

// documented adds /openapi.json and /docs to an application. The API is told of
// the handlers that answer, so it knows what they demand; the requests for them
// stay with the routes, which dispatch as FastAPI does. A service of your own
// serves the API itself.
func documented(app routes) http.Handler {
	api := openapi.New("FastAPI", "0.1.0", &openapi.Options{Docs: swaggerui.New(nil)})
	for _, path := range slices.Sorted(maps.Keys(app)) {
		api.Handle(app[path].method+" "+path, app[path].Handler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path == "/openapi.json" || path == "/docs" || strings.HasPrefix(path, "/docs/") {
			api.ServeHTTP(w, r)
			return
		}
		app.ServeHTTP(w, r)
	})
}
