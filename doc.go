// Package passbearer protects net/http services with bearer tokens
// (RFC 6750) and parses the sign-in form of the OAuth 2.0 password grant
// (RFC 6749 §4.3).
//
// Begin with [NewGuard], which takes a [TokenVerifier] and wraps existing
// handlers; [BearerToken] is the extraction alone. [ParsePasswordForm] reads a
// token request. Package password hashes and checks passwords.
//
// The password grant is for first-party clients only: RFC 9700 §2.4 forbids it
// for anyone else's. A [Guard] takes the tokens of any issuer, so moving to
// another grant later changes no protected handler.
//
// Out of scope are sign-up pages and mail for forgotten passwords.
package passbearer
