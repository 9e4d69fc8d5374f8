package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// routes dispatch as FastAPI does: one method to a path, refusals in JSON, and a
// redirect where the last slash alone is wrong.
type routes map[string]route

type route struct {
	method string
	http.Handler
}

func (rs routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	other, slashed := strings.CutSuffix(r.URL.Path, "/")
	if !slashed {
		other += "/"
	}
	found, ok := rs[r.URL.Path]
	_, redirect := rs[other]
	switch {
	case ok && r.Method == found.method:
		found.ServeHTTP(w, r)
	case ok:
		w.Header().Set("Allow", found.method)
		respond(w, http.StatusMethodNotAllowed, map[string]string{"detail": "Method Not Allowed"})
	case redirect:
		w.Header().Set("Location", "http://"+r.Host+strings.Replace(r.RequestURI, r.URL.Path, other, 1))
		w.WriteHeader(http.StatusTemporaryRedirect)
	default:
		respond(w, http.StatusNotFound, map[string]string{"detail": "Not Found"})
	}
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
