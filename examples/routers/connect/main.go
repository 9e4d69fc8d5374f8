// Command connect guards the procedures of connect-go, which are handlers of
// net/http for the protocols Connect, gRPC and gRPC-Web. The glue is module
// connectbearer: it says a refusal in the protocol of the caller. The claims are
// in the context.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/connectbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Deny: connectbearer.Deny})

	users := connect.NewServer() // with generated code: RegisterUsersHandler(users, …)
	users.Register(unary("/example.Users/Me"), unary("/example.Users/Admin"))
	procedures := http.NewServeMux()
	connecthttp.Mount(procedures, users)

	mux := http.NewServeMux() // what is not named here is not served
	mux.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	mux.Handle("/example.Users/Me", guard.Require("me").Handler(procedures))
	mux.Handle("/example.Users/Admin", guard.Require("admin").Handler(procedures))

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // for clients of gRPC on this machine
	log.Fatal(server.Serve(listener))
}

func me(ctx context.Context, _ *emptypb.Empty) (*wrapperspb.StringValue, error) {
	claims, _ := passbearer.FromContext(ctx)
	return wrapperspb.String("Hello, user " + claims.Subject), nil
}

// unary is what the generator makes of a procedure, by hand.
func unary(procedure string) connect.Method {
	handle := func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		req := new(emptypb.Empty)
		if err := stream.Receive(req); err != nil {
			return err
		}
		answer, err := me(ctx, req)
		if err != nil {
			return err
		}
		return stream.Send(answer)
	}
	return connect.Method{Spec: connect.Spec{StreamType: connect.StreamTypeUnary, Procedure: procedure}, Handler: handle}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
