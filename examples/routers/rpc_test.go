package routers

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// rpcCall is one row of the table: the codes and texts are the same in gRPC and in
// Connect.
type rpcCall struct {
	name, method, authorization string
	code                        codes.Code
	challenge, answer           string
}

func rpcTable(t *testing.T, token token) []rpcCall {
	me, admin := "/example.Users/Me", "/example.Users/Admin"
	return []rpcCall{
		{"no token", me, "", codes.Unauthenticated, challenge, "Not authenticated"},
		{"another scheme", me, "Basic am9obmRvZTpzZWNyZXQ=", codes.Unauthenticated, challenge, "Not authenticated"},
		{"good", me, "Bearer " + token.AccessToken, codes.OK, "", "Hello, user " + token.subject(t)},
		{"forged", me, "Bearer " + token.forged(), codes.Unauthenticated, challenge + `, error="invalid_token", error_description="Could not validate credentials"`, "Could not validate credentials"},
		{"no scheme's token", me, "Bearer", codes.Unauthenticated, challenge + `, error="invalid_request", error_description="Bearer without a token"`, "Bearer without a token"},
		{"two headers", me, "Bearer " + token.forged() + "\nBearer " + token.AccessToken, codes.Unauthenticated, challenge + `, error="invalid_request", error_description="Several Authorization headers"`, "Several Authorization headers"},
		{"scope missing", admin, "Bearer " + token.AccessToken, codes.PermissionDenied, challenge + `, error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="admin"`, "The token lacks a scope that this resource demands"},
	}
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	p := start(t, "grpc", "-grpc", "127.0.0.1:0")
	token := signIn(t, p.base)
	conn := dialGRPC(t, p.grpc)
	table := append(rpcTable(t, token),
		rpcCall{"no guard, on purpose", "/example.Users/Ping", "", codes.OK, "", "pong"},
		rpcCall{"no guard, by mistake", "/example.Users/Forgotten", "Bearer " + token.AccessToken, codes.PermissionDenied, "", "Nothing says who may call this method"})
	for _, tt := range table {
		requireRPC(t, tt, func(ctx context.Context) (string, string, error) {
			var trailer metadata.MD
			var answer wrapperspb.StringValue
			err := conn.Invoke(authorized(ctx, tt.authorization), tt.method, new(emptypb.Empty), &answer, grpc.Trailer(&trailer))
			return answer.GetValue(), first(trailer["www-authenticate"]), err
		})
	}
	for _, tt := range rpcTable(t, token)[:6] {
		tt.method = "/example.Users/Watch"
		requireRPC(t, tt, func(ctx context.Context) (string, string, error) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			stream, err := watch(ctx, conn, tt.authorization)
			require.NoError(t, err)
			var answer wrapperspb.StringValue
			err = stream.RecvMsg(&answer)
			if err == nil {
				return answer.GetValue(), "", nil
			}
			return "", first(stream.Trailer()["www-authenticate"]), err
		})
	}
}

// TestGRPCStreamEnds: as its token expires, though no message is due, and when its
// user signs out.
func TestGRPCStreamEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		args    []string
		signOut bool
	}{
		{"expired", []string{"-lifetime", briefly, "-every", "1h"}, false},
		{"revoked", []string{"-every", "10ms"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "grpc", append(tt.args, "-grpc", "127.0.0.1:0")...)
			token := signIn(t, p.base)
			ctx, cancel := context.WithTimeout(t.Context(), patient)
			defer cancel()
			stream, err := watch(ctx, dialGRPC(t, p.grpc), "Bearer "+token.AccessToken)
			require.NoError(t, err)
			var answer wrapperspb.StringValue
			require.NoError(t, stream.RecvMsg(&answer))
			require.Equal(t, "Hello, user "+token.subject(t), answer.GetValue())
			if tt.signOut {
				signOut(t, p.base, token)
			}
			for err = nil; err == nil; {
				err = stream.RecvMsg(&answer)
			}
			require.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
			requireOver(t, token, tt.signOut)
		})
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	base := start(t, "connect").base
	token := signIn(t, base)
	client := connect.NewClient(connecthttp.NewTransport(http.DefaultClient, base))
	for _, tt := range rpcTable(t, token) {
		requireRPC(t, tt, func(ctx context.Context) (string, string, error) {
			ctx, info := connect.NewClientContext(ctx)
			for value := range strings.Lines(tt.authorization) {
				info.RequestHeader().Add("Authorization", strings.TrimSpace(value))
			}
			var answer wrapperspb.StringValue
			err := client.CallUnary(ctx, connect.Spec{StreamType: connect.StreamTypeUnary, Procedure: tt.method}, new(emptypb.Empty), &answer)
			return answer.GetValue(), info.ResponseHeader().Get("WWW-Authenticate"), err
		})
	}

	// The same server to a client of gRPC, to a browser, and what is not listed.
	conn := dialGRPC(t, base[len("http://"):])
	for _, tt := range rpcTable(t, token) {
		requireRPC(t, tt, func(ctx context.Context) (string, string, error) {
			var header metadata.MD
			var answer wrapperspb.StringValue
			err := conn.Invoke(authorized(ctx, tt.authorization), tt.method, new(emptypb.Empty), &answer, grpc.Header(&header))
			return answer.GetValue(), first(header["www-authenticate"]), err
		})
	}
	code, header, body := call(t, "POST", base+"/example.Users/Me", "")
	require.Equal(t, 401, code)
	require.Equal(t, challenge, header.Get("WWW-Authenticate"))
	require.Equal(t, `{"detail":"Not authenticated"}`+"\n", body)
	code, _, _ = call(t, "POST", base+"/example.Users/Forgotten", "", "Authorization", "Bearer "+token.AccessToken)
	require.Equal(t, 404, code)
}

// requireRPC makes a call and compares what came of it with the row.
func requireRPC(t *testing.T, tt rpcCall, do func(context.Context) (answer, challenge string, err error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	answer, challenge, err := do(ctx)
	code, text := codes.Code(connect.CodeOf(err)), ""
	if s, ok := status.FromError(err); ok {
		code, text = s.Code(), s.Message()
	} else {
		text = err.Error()
	}
	require.Equal(t, tt.code, code, "%s %s: %v", tt.method, tt.name, err)
	require.Equal(t, tt.challenge, challenge, "%s %s", tt.method, tt.name)
	require.Contains(t, answer+text, tt.answer, "%s %s", tt.method, tt.name)
}

func dialGRPC(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func watch(ctx context.Context, conn *grpc.ClientConn, authorization string) (grpc.ClientStream, error) {
	stream, err := conn.NewStream(authorized(ctx, authorization), &grpc.StreamDesc{ServerStreams: true}, "/example.Users/Watch")
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(new(emptypb.Empty)); err != nil {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// authorized adds a header for each line.
func authorized(ctx context.Context, authorization string) context.Context {
	for value := range strings.Lines(authorization) {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", strings.TrimSpace(value))
	}
	return ctx
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
