// Package remotejwks verifies the access tokens of other issuers, such as Keycloak, Auth0 or Entra ID, by the JWK Set
// (RFC 7517) that each publishes.
//
// [New] makes a passbearer.TokenVerifier that takes the place of one's own in passbearer.NewGuard:
//
//	tokens, err := remotejwks.New([]remotejwks.Issuer{{URL: "https://id.example", Audience: "https://api.example"}}, nil)
//
// Tokens are verified by package jwttoken, as strictly and as fast as own ones; a token seen before costs no signature
// check. A token's iss chooses among the issuers named to New, by exact comparison, and that is all it does before the
// signature is verified: no URL that a token names is ever fetched.
//
// # When keys are fetched
//
// Nothing is fetched by New, so that a service starts while an issuer is down. The first token of an issuer has its keys
// fetched, or [Verifier.Load], for a service that wants to know first. From then on they are fetched again after
// [Options.RefreshInterval], when a token comes and without making it wait, and when a token names a key that is not known.
// Whatever arrives, there is one refresh at a time and one start of one in [Options.MinInterval] for each issuer. Meanwhile
// a token with an unknown key is invalid, without I/O.
//
// While an issuer cannot be reached or its answer cannot be used, the keys that were read last serve on for
// [Options.MaxStale]. After that, and before the first keys, verification fails with an error that does not wrap
// passbearer.ErrInvalidToken, so that a Guard answers 503 and clients keep their tokens.
//
// Out of scope are ID tokens, opaque tokens and introspection (RFC 7662), and keys behind mutual TLS or credentials, save
// by [Options.Transport].
package remotejwks
