// Package passbearer protects net/http services with bearer tokens
// (RFC 6750) and signs users in with a name and a password (the password grant
// of OAuth 2.0, RFC 6749 §4.3).
//
// Begin with [NewGuard], which takes a [TokenVerifier] and wraps existing
// handlers, and [NewTokenHandler], the endpoint that issues tokens;
// [NewSessions] adds refresh tokens and sign-out. [BearerToken] and
// [ParsePasswordForm] are the first steps alone. Package jwttoken makes and
// checks the tokens, package memstore keeps users and sessions, package password
// hashes; each can be replaced by the application's own.
//
// The password grant is for first-party clients only: RFC 9700 §2.4 forbids it
// for anyone else's. A [Guard] takes the tokens of any issuer, so moving to
// another grant later changes no protected handler.
//
// Out of scope are sign-up pages and mail for forgotten passwords.
package passbearer
