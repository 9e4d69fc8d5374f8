package main

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/passbearer/passbearer"
)

const schemeName = "OAuth2PasswordBearer"

// guarded puts what the guard demands into an operation's document, and the guard
// itself before its handler, which has the claims in its context.
func guarded(guard *passbearer.Guard) func(*huma.Operation) {
	demand := guard.Demand()
	return func(op *huma.Operation) {
		op.Security = security(demand)
		op.Errors = append(op.Errors, http.StatusUnauthorized)
		if demand.Scope != "" {
			op.Errors = append(op.Errors, http.StatusForbidden)
		}
		op.Middlewares = append(op.Middlewares, enforce(guard))
	}
}

// security says a demand in the terms of OpenAPI.
func security(d passbearer.Demand) []map[string][]string {
	requirement := map[string][]string{schemeName: slices.AppendSeq([]string{}, d.Scope.All())}
	if d.Optional {
		return []map[string][]string{{}, requirement}
	}
	return []map[string][]string{requirement}
}

// enforce is a middleware of huma, in the context that those before it have made.
func enforce(guard *passbearer.Guard) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if r = guard.Admit(w, r.WithContext(ctx.Context())); r != nil {
			next(huma.WithContext(ctx, r.Context()))
		}
	}
}

// deny answers with the challenge, and with a body as huma's own errors have it.
func deny(w http.ResponseWriter, _ *http.Request, err error) {
	e := passbearer.AsError(err)
	if challenge := e.Challenge(); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.StatusCode)
	json.NewEncoder(w).Encode(huma.NewError(e.StatusCode, e.ErrorDescription))
}
