// Package jwttoken issues and verifies access tokens that are signed JSON Web Tokens.
//
// Make a key with [NewKey] or [GenerateKey], put it into a set with [NewKeys], and call [New]
// for an issuer that also verifies, or [NewVerifier] where only public keys are at hand:
//
//	keys, err := jwttoken.NewKeys(key)
//	tokens, err := jwttoken.New(keys, "https://issuer.example", "https://api.example", nil)
//
// Tokens follow RFC 9068 (JWT profile for OAuth 2.0 access tokens). Tokens of an issuer that does
// not follow it are verified with [Options.Foreign]. [Keys.Set] changes the keys of a running program.
//
// The verifier is strict where the formats leave room for two readings of one token (RFC 8725):
// the algorithm belongs to the key and is never taken from the token, base64url must be canonical,
// JSON must be valid UTF-8 with exact and unique member names, and the payload is not parsed before
// its signature is verified. Keys named by the token itself (jku, x5u, jwk, x5c) are never used.
//
// A token that was verified is remembered for as long as it is valid, by a tag that only this process can
// make; neither it nor its signature is kept ([Options.CacheSize]).
//
// # Replacing a key
//
// A key is next, then active, then retired. [Keys.Set], or a restart, takes one configuration to all processes:
//
//   - next: old, next.SignsFrom(t). From now on each process that has read it verifies with both and publishes
//     both ([NewJWKSHandler]). Let t be later than the last process and every cache of the JWK Set can be: the
//     time that the configuration takes, [JWKSOptions.MaxAge], what other verifiers wait beyond, and
//     [Options.Leeway], by which clocks may differ.
//   - active: at t all sign with next. Nothing is changed for that.
//   - retired: old verifies what it has signed. When it is t + [Options.MaxLifetime] + Leeway by a process's
//     clock, no such token is valid there, and old may go: next, perhaps already with the key to follow it.
//
// At no time is a valid token refused, in whatever order processes learn of a change within these times.
//
// A key that is not trusted any more is removed at once: Set without it. Each process refuses its tokens, remembered
// ones too, from the next request on; others do when they read the JWK Set again. If another key was published
// and known everywhere before, such as one that signs from a day in the far future, that loses no other token.
//
// Out of scope are encrypted tokens (RFC 7516), ID tokens, revocation, and the fetching of keys.
package jwttoken
