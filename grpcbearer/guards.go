package grpcbearer

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/passbearer/passbearer"
)

// Guards admit calls by their full method name, such as "/example.Users/Me". A method
// that is not among them is refused with the code PermissionDenied; nil admits every
// call of it, without claims. Guards must not be changed once calls are served.
type Guards map[string]*passbearer.Guard

var (
	_ grpc.UnaryServerInterceptor  = Guards{}.Unary
	_ grpc.StreamServerInterceptor = Guards{}.Stream
)

// Unary is the interceptor of unary calls. The handler has the claims in its context
// ([passbearer.FromContext]).
func (g Guards) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	err = g.admit(ctx, info.FullMethod, func(r *http.Request) (err error) {
		answer, err = handler(r.Context(), req)
		return err
	})
	return answer, err
}

// Stream is the interceptor of streams. Besides, it ends a stream with its token: when
// that expires the call's context is over, and once it is revoked no message goes or
// comes any more. Asking the Guard about each message takes no I/O where its verifier
// takes none.
func (g Guards) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return g.admit(ss.Context(), info.FullMethod, func(r *http.Request) error {
		ctx := r.Context()
		claims, guarded := passbearer.FromContext(ctx)
		if !guarded {
			return handler(srv, ss)
		}
		if claims.Expiry != 0 { // a verifier of your own may know none
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, claims.Expiry.Time())
			defer cancel()
		}
		err := handler(srv, &guardedStream{ss, r.WithContext(ctx), g[info.FullMethod]})
		if err != nil && ctx.Err() != nil && ss.Context().Err() == nil {
			return status.Error(codes.Unauthenticated, "The token has expired")
		}
		return err
	})
}

type guardedStream struct {
	grpc.ServerStream
	r     *http.Request
	guard *passbearer.Guard
}

func (s *guardedStream) Context() context.Context { return s.r.Context() }

func (s *guardedStream) SendMsg(m any) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.check()
}

func (s *guardedStream) check() error {
	_, err := s.guard.Check(s.r)
	if err == nil {
		return nil
	}
	e := passbearer.AsError(err)
	return refuse(s.Context(), e.StatusCode, e.ErrorDescription, e.Challenge())
}

// admit makes the call a request of HTTP for the Guard, so that it decides as it
// does there, on bound tokens too, and next has the claims in its context.
func (g Guards) admit(ctx context.Context, method string, next func(*http.Request) error) error {
	guard, known := g[method]
	if !known {
		return status.Error(codes.PermissionDenied, "Nothing says who may call this method")
	}
	r := requestOf(ctx, method)
	if guard == nil {
		return next(r)
	}
	refused := &refusal{header: http.Header{}}
	r, panicked := admitted(guard, refused, r)
	switch {
	case panicked:
		return status.Error(codes.Internal, "Internal server error")
	case r == nil:
		return refuse(ctx, refused.status, refused.Detail, refused.header.Values("WWW-Authenticate")...)
	}
	return next(r)
}

// admitted outlives a GuardOptions.Deny that panics, for gRPC does not.
func admitted(guard *passbearer.Guard, w http.ResponseWriter, r *http.Request) (next *http.Request, panicked bool) {
	defer func() { panicked = recover() != nil }()
	return guard.Admit(w, r), false
}

func requestOf(ctx context.Context, method string) *http.Request {
	md, _ := metadata.FromIncomingContext(ctx)
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: method}, Header: http.Header{"Authorization": md["authorization"]}}
	return r.WithContext(ctx)
}

// refusal takes what the Guard answers.
type refusal struct {
	header http.Header
	status int
	Detail string
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) WriteHeader(status int)      { r.status = status }
func (r *refusal) Write(b []byte) (int, error) { return len(b), json.Unmarshal(b, r) }

// refuse has the challenges in the call's trailer.
func refuse(ctx context.Context, httpStatus int, detail string, challenges ...string) error {
	_ = grpc.SetTrailer(ctx, metadata.MD{"www-authenticate": challenges}) // it fails outside of a call alone
	code := map[int]codes.Code{
		http.StatusBadRequest:         codes.Unauthenticated, // malformed credentials
		http.StatusUnauthorized:       codes.Unauthenticated,
		http.StatusForbidden:          codes.PermissionDenied,
		http.StatusServiceUnavailable: codes.Unavailable,
	}[httpStatus]
	return status.Error(cmp.Or(code, codes.Internal), detail)
}
