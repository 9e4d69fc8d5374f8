package main

import (
	"net/http"
	"strings"

	"github.com/passbearer/passbearer"
)

func extractApp() routes { return routes{"/items/": {"GET", showToken{}}} }

type showToken struct{}

// Demand tells the documentation what a Guard would: any token will do.
func (showToken) Demand() passbearer.Demand { return passbearer.Demand{} }

func (showToken) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, err := bearerToken(r)
	if err != nil {
		passbearer.FastAPI{}.Deny(w, r, err)
		return
	}
	respond(w, http.StatusOK, map[string]string{"token": token})
}

// bearerToken takes what follows "Bearer ", be it empty, as FastAPI does. A
// service of your own uses passbearer.BearerToken, which is strict.
func bearerToken(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", passbearer.ErrNoCredentials
	}
	return token, nil
}
