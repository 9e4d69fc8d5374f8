package grpcbearer_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/grpcbearer"
)

// verifier answers with err, or with claims.
type verifier struct {
	claims passbearer.Claims
	err    error
}

func (v *verifier) VerifyToken(context.Context, string) (*passbearer.Claims, error) {
	return &v.claims, v.err
}

// silent is a stream on which every message goes and comes.
type silent struct {
	grpc.ServerStream
	ctx context.Context
}

func (s silent) Context() context.Context { return s.ctx }
func (silent) SendMsg(any) error          { return nil }
func (silent) RecvMsg(any) error          { return nil }

// TestCodes: what the verifier says, in gRPC's codes; and once a stream has begun,
// with the next message in either direction.
func TestCodes(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer t"))
	good := passbearer.Claims{Subject: "u1", Expiry: passbearer.NumericDate(time.Now().Add(time.Hour).Unix())}
	endless := good
	endless.Expiry = 0
	bound := good
	bound.Confirmation = passbearer.Confirmation{Method: "jkt", Thumbprint: "t"}
	for _, tt := range []struct {
		name  string
		after verifier
		code  codes.Code
	}{
		{"good", verifier{good, nil}, codes.OK},
		{"without expiry", verifier{endless, nil}, codes.OK},
		{"invalid", verifier{good, passbearer.ErrInvalidToken}, codes.Unauthenticated},
		{"bound to a key", verifier{bound, nil}, codes.Unauthenticated},
		{"unavailable", verifier{good, errors.New("down")}, codes.Unavailable},
	} {
		v := tt.after
		all := grpcbearer.Guards{"/m": passbearer.NewGuard(&v, nil)}
		_, err := all.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/m"}, func(ctx context.Context, _ any) (any, error) {
			claims, ok := passbearer.FromContext(ctx)
			require.True(t, ok)
			require.Equal(t, "u1", claims.Subject)
			return nil, nil
		})
		require.Equal(t, tt.code, status.Code(err), "%s: %v", tt.name, err)

		v = verifier{good, nil}
		if tt.code == codes.OK {
			v = tt.after
		}
		err = all.Stream(nil, silent{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: "/m"}, func(_ any, s grpc.ServerStream) error {
			require.NoError(t, s.SendMsg(nil))
			require.NoError(t, s.RecvMsg(nil))
			v = tt.after
			require.Equal(t, tt.code, status.Code(s.RecvMsg(nil)), "%s: to receive", tt.name)
			return s.SendMsg(nil)
		})
		require.Equal(t, tt.code, status.Code(err), "%s: %v", tt.name, err)
	}
}

// TestDenyPanics: net/http outlives that, and gRPC does not.
func TestDenyPanics(t *testing.T) {
	all := grpcbearer.Guards{"/m": passbearer.NewGuard(&verifier{}, &passbearer.GuardOptions{
		Deny: func(_ http.ResponseWriter, r *http.Request, _ error) { panic(r.URL.Path) }})}
	_, err := all.Unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/m"}, nil)
	require.Equal(t, codes.Internal, status.Code(err))
}

// TestExpiredWhenDone: what was done is not called refused.
func TestExpiredWhenDone(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer t"))
	over := passbearer.Claims{Subject: "u1", Expiry: passbearer.NumericDate(time.Now().Unix() - 1)} // within a leeway
	all := grpcbearer.Guards{"/m": passbearer.NewGuard(&verifier{over, nil}, nil)}
	err := all.Stream(nil, silent{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: "/m"}, func(any, grpc.ServerStream) error { return nil })
	require.NoError(t, err)
}
