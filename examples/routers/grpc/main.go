// Command grpc guards the methods of a gRPC server by interceptors. Tokens are
// got from the endpoint over HTTP. The glue is package grpcbearer: it asks a Guard
// about each call, and says its answer in gRPC's codes.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/grpcbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

var every = flag.Duration("every", time.Second, "the time between two messages of a stream")

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on for sign-in, over HTTP")
	grpcAddr := flag.String("grpc", "localhost:8001", "the `address` to listen on for gRPC")
	lifetime := flag.Duration("lifetime", passbearer.DefaultAccessTokenLifetime, "how long an access token lives")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	store := memstore.New(johndoe)
	secret := make([]byte, 32) // a file's or a vault's, where there are several processes
	rand.Read(secret)
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	go revocations.Watch(context.Background(), store)
	sessions := passbearer.NewSessions(store, store, must(passbearer.NewRefreshKeys(url, secret)), &passbearer.SessionsOptions{Revocations: revocations})
	guard := passbearer.NewGuard(revocations.Verifier(tokens), nil)

	methods := grpcbearer.Guards{
		"/example.Users/Me":    guard.Require("me"),
		"/example.Users/Watch": guard.Require("me"),
		"/example.Users/Admin": guard.Require("admin"),
		"/example.Users/Ping":  nil,
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(methods.Unary), grpc.StreamInterceptor(methods.Stream)) // grpc.Creds, where tokens leave the machine
	server.RegisterService(&users, nil)
	calls := must(net.Listen("tcp", *grpcAddr))
	go func() { log.Fatal(server.Serve(calls)) }()

	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, AccessTokenLifetime: *lifetime}))
	mux.Handle("POST /sign-out", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, claims *passbearer.Claims) {
		if err := sessions.End(r.Context(), claims.Subject, claims.SessionID); err != nil {
			passbearer.Deny(w, r, err)
		}
	}))
	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("gRPC on %s\nListening on http://%s\n", calls.Addr(), listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

func me(ctx context.Context) *wrapperspb.StringValue {
	claims, _ := passbearer.FromContext(ctx)
	return wrapperspb.String("Hello, user " + claims.Subject)
}

// users is what protoc makes of a service, by hand: every method takes an empty
// message and answers with a string.
var users = grpc.ServiceDesc{
	ServiceName: "example.Users",
	Methods: []grpc.MethodDesc{
		unary("Me", me),
		unary("Admin", me),
		unary("Ping", func(context.Context) *wrapperspb.StringValue { return wrapperspb.String("pong") }),
		unary("Forgotten", me), // by its guards
	},
	Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: watch}},
}

func unary(name string, f func(context.Context) *wrapperspb.StringValue) grpc.MethodDesc {
	handle := func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		req := new(emptypb.Empty)
		if err := decode(req); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{FullMethod: "/example.Users/" + name}
		return intercept(ctx, req, info, func(ctx context.Context, _ any) (any, error) { return f(ctx), nil })
	}
	return grpc.MethodDesc{MethodName: name, Handler: handle}
}

func watch(_ any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
		return err
	}
	tick := time.NewTicker(*every)
	defer tick.Stop()
	for {
		if err := stream.SendMsg(me(stream.Context())); err != nil {
			return err
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-tick.C:
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
