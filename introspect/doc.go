// Package introspect verifies the access tokens of an authorization server by
// asking its introspection endpoint (RFC 7662): opaque tokens, and those that must
// be over soon after they are revoked there.
//
// [New] makes a [passbearer.TokenVerifier] that takes the place of one's own in
// [passbearer.NewGuard]. Package authserver has the endpoint.
//
// # What is remembered
//
// Answers are kept for [Options.CacheFor], under a keyed hash of the token: nothing
// in memory can be presented. A token revoked at the server is therefore accepted
// for that long at most, counted from when the server was asked; a question may
// take [Options.Timeout], if that is longer. Whoever cannot wait sets CacheFor
// negative, or puts [passbearer.Revocations.Verifier] around the verifier, which is
// asked about remembered tokens too.
//
// While the server is unreachable or its answers cannot be read, verification fails
// with an error that does not wrap [passbearer.ErrInvalidToken], so that a Guard
// answers 503 and clients keep their tokens. Such an error is not remembered.
//
// Where tokens are signed, package jwttoken or module remotejwks verify them without
// a request. Out of scope are signed answers (RFC 9701) and client authentication
// other than by a secret, save by [Options.Transport].
package introspect
