package grpcbearer_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
	"github.com/passbearer/passbearer/grpcbearer"
)

var t testing.TB = example{} // a test's own

type example struct{ testing.TB }

func (example) Helper() {}

// greeter tells in its log whom it serves.
type greeter struct {
	health.UnimplementedHealthServer
}

func (greeter) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	claims, _ := passbearer.FromContext(ctx)
	fmt.Println("Hello, user", claims.Subject)
	return new(health.HealthCheckResponse), nil
}

func ExampleGuards() {
	guard := passbearer.NewGuard(bearertest.Verifier(), nil)
	guards := grpcbearer.Guards{health.Health_Check_FullMethodName: guard.Require("me")}
	server := grpc.NewServer(grpc.UnaryInterceptor(guards.Unary), grpc.StreamInterceptor(guards.Stream))
	health.RegisterHealthServer(server, greeter{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go server.Serve(listener)
	defer server.Stop()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	client := health.NewHealthClient(conn)
	call := func(token string) {
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
		var trailer metadata.MD
		_, err := client.Check(ctx, nil, grpc.Trailer(&trailer))
		fmt.Println(status.Code(err), trailer["www-authenticate"])
	}
	call(bearertest.Token(t, "johndoe", "me"))
	call(bearertest.Token(t, "johndoe", ""))
	_, err = client.List(context.Background(), nil)
	fmt.Println(status.Code(err))
	// Output:
	// Hello, user johndoe
	// OK []
	// PermissionDenied [Bearer realm="api", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="me"]
	// PermissionDenied
}
