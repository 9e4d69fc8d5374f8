// Command huma guards the operations of huma, on net/http's ServeMux. The glue is
// guarded: it runs the Guard as a middleware of the operation, whose handler has
// the claims in its context. examples/huma also puts each demand into the document.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	guard := passbearer.NewGuard(tokens, nil)

	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	api := humago.New(mux, huma.DefaultConfig("Example", "1.0"))
	huma.Get(api, "/me", me, guarded(guard.Require("me")))
	huma.Get(api, "/admin", me, guarded(guard.Require("admin")))

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

type greeting struct{ Body string }

func me(ctx context.Context, _ *struct{}) (*greeting, error) {
	claims, _ := passbearer.FromContext(ctx)
	return &greeting{"Hello, user " + claims.Subject}, nil
}

func guarded(guard *passbearer.Guard) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
			r, w := humago.Unwrap(ctx)
			if r = guard.Admit(w, r.WithContext(ctx.Context())); r != nil {
				next(huma.WithContext(ctx, r.Context()))
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
