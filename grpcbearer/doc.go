// Package grpcbearer guards the methods of a gRPC server with the Guards that guard an
// HTTP API: the same verifier, scopes, events and challenges.
//
//	guard := passbearer.NewGuard(tokens, nil)
//	guards := grpcbearer.Guards{
//		"/example.Users/Me":             guard.Require("me"),
//		grpc_health_v1.Health_Check_FullMethodName: nil, // for everybody
//	}
//	server := grpc.NewServer(grpc.UnaryInterceptor(guards.Unary), grpc.StreamInterceptor(guards.Stream))
//
// Clients send the metadata authorization, "Bearer " and the token; grpc's own
// oauth.TokenSource does. A refusal has the Guard's challenge in the trailer
// www-authenticate, and one of these codes:
//
//	Unauthenticated   no token, or one that is malformed or not valid
//	PermissionDenied  a scope is missing, or nothing says who may call the method
//	Unavailable       the verifier is broken
//	Internal          anything else that the Guard's Deny answers
//
// The Guard sees a request that has the method's name for its path and the metadata
// authorization for its header: GuardOptions.Extract finds no cookie in it.
//
// Tokens that are bound to a key (DPoP, RFC 9449) are refused: a proof names an HTTP
// request.
//
// A handler that blocks in RecvMsg or SendMsg learns with the next message that its token
// is over; nothing goes or comes until then, but the stream stays. Bound them with
// grpc.MaxConcurrentStreams and keepalive.ServerParameters.MaxConnectionAge.
package grpcbearer
