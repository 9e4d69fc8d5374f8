package otelbearer

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// otherReason is OpenTelemetry's fallback for error.type.
const otherReason = "_OTHER"

// sentinels are the errors that have a name, and what error.type is for what wraps them. The first one that matches
// counts, after texts.
var sentinels = []struct {
	err    error
	reason string
}{
	{password.ErrBusy, "hashing_busy"},
	{password.ErrPepper, "unknown_pepper"},
	{password.ErrPassword, "malformed_password"},
	{password.ErrHash, "unusable_hash"},
	{passbearer.ErrUserNotFound, "user_not_found"},
	{passbearer.ErrUserDisabled, "user_disabled"},
	{passbearer.ErrPasswordChanged, "password_changed"},
	{passbearer.ErrClientNotFound, "client_not_found"},
	{passbearer.ErrSessionNotFound, "session_not_found"},
	{passbearer.ErrInvalidToken, "invalid_token"},
	{context.DeadlineExceeded, "timeout"},
	{os.ErrDeadlineExceeded, "timeout"},
	{context.Canceled, "canceled"},
}

// allowances are those of throttle.Exceeded.By.
var allowances = map[string]string{
	"account": "account_exceeded",
	"address": "address_exceeded",
	"network": "network_exceeded",
	"device":  "device_exceeded",
}

const (
	revokedToken = "passbearer: invalid token: "
	introspected = "introspect: passbearer: invalid token: "
)

// texts are the errors of passbearer that have no name outside of their package. They are fixed texts, so they are
// known by these; TestTexts holds the list to the sources.
var texts = map[string]string{
	// sign-in, and the second factor
	"wrong password": "wrong_password",
	"passbearer: a user's name is 1 to 1024 bytes of UTF-8": "malformed_name",
	"wrong code":                                                        "wrong_code",
	"the mfa_token is not genuine":                                      "mfa_token_invalid",
	"the mfa_token has expired":                                         "mfa_token_expired",
	"the mfa_token is another client's":                                 "mfa_token_invalid",
	"the mfa_token is bound to another key":                             "mfa_token_invalid",
	"the mfa_token was redeemed before":                                 "mfa_token_used",
	"the user is disabled, or signed out everywhere since the password": "signed_out_everywhere",

	// refresh tokens
	"the token is malformed, forged or signed with a key no longer known":             "forged",
	"the session's row belongs to another user, client or issuer than the token says": "other_owner",
	"the token belongs to another client":                                             "other_client",
	"the session has ended":                                                           "session_ended",
	"the session has expired":                                                         "session_expired",
	"the session was revoked, though its row is live":                                 "session_revoked",
	"the user was signed out everywhere, or has another password":                     "signed_out_everywhere",
	"the session is bound to a key, of which the request has no proof":                "proof_missing",

	// access tokens: their form and signature
	"token is too long":                                 "malformed_token",
	"token does not have three segments":                "malformed_token",
	"a segment is not canonical base64url":              "malformed_token",
	"a parameter is not a non-empty string":             "malformed_token",
	"malformed JSON":                                    "malformed_token",
	"JSON is not valid UTF-8":                           "malformed_token",
	"JSON is nested too deeply":                         "malformed_token",
	"JSON object has too many members":                  "malformed_token",
	"JSON object has a duplicate member":                "malformed_token",
	"JSON number is out of range":                       "malformed_token",
	"a name differs from a registered one by case only": "malformed_token",
	"a claim has the wrong type or value":               "malformed_token",
	"an unsupported parameter is present":               "malformed_token",
	"wrong typ":                                         "wrong_type",
	"kid does not name a key":                           "unknown_key",
	"alg is not the algorithm of the key":               "wrong_algorithm",
	"signature does not verify":                         "bad_signature",

	// their claims
	"exp is missing":                            "missing_claim",
	"iat is missing":                            "missing_claim",
	"a required claim is missing":               "missing_claim",
	"wrong issuer":                              "wrong_issuer",
	"iss names none of the issuers":             "wrong_issuer",
	"wrong audience":                            "wrong_audience",
	"token has expired":                         "expired",
	"token is not valid yet":                    "not_yet_valid",
	"token was issued in the future":            "not_yet_valid",
	"nbf is after exp":                          "lifetime_refused",
	"token expires too far in the future":       "lifetime_refused",
	revokedToken + "it was revoked":             "revoked",
	introspected + "it is not active":           "inactive",
	introspected + "it has expired":             "expired",
	introspected + "it is not valid yet":        "not_yet_valid",
	introspected + "it is of another issuer":    "wrong_issuer",
	introspected + "it is for another audience": "wrong_audience",
	introspected + "it is no access token":      "wrong_type",

	// proofs of possession
	"the token is bound to a key, which is not checked here":                           "proof_unchecked",
	"the token is bound to no key, and one is demanded or was announced by the scheme": "proof_missing",
	"the token is bound to a key, and came as if it were not":                          "proof_missing",
	"the proof is by another key than the token is bound to":                           "proof_invalid",
	"not three segments of base64url, or too long":                                     "proof_invalid",
	"a segment is not one JSON object in UTF-8 with unique member names":               "proof_invalid",
	"the header has a parameter that changes what the proof means":                     "proof_invalid",
	"the signature is not by the key":                                                  "proof_invalid",
	"jwk is missing or is of another type than alg":                                    "proof_invalid",
	"jwk has a private or secret member":                                               "proof_invalid",
	"jwk is not a point of the curve":                                                  "proof_invalid",
	"jwk: RSA has 2048 to 4096 bits and an odd exponent from 65537 on":                 "proof_invalid",

	// what is not there
	"passbearer: revocations may be missing, and the policy is to refuse": "revocations_stale",
	"there are more revocations than RevocationsOptions.MaxEntries":       "revocations_full",
	"the store has been silent for too long":                              "store_silent",
	"passbearer: the TokenVerifier returned neither claims nor an error":  "no_answer",
	"its keys are not known":                                              "keys_unknown",
	"its keys could not be read again for too long":                       "keys_unknown",
}

// reasons are the values of error.type, the empty one for none at its head.
var reasons = func() []string {
	all := []string{"", otherReason}
	for _, k := range kinds {
		all = append(all, k.reason)
	}
	for _, s := range sentinels {
		all = append(all, s.reason)
	}
	all = slices.AppendSeq(all, maps.Values(allowances))
	all = slices.AppendSeq(all, maps.Values(texts))
	slices.Sort(all)
	return slices.Compact(all)
}()

var reasonIndex = func() map[string]int {
	index := make(map[string]int, len(reasons))
	for i, r := range reasons {
		index[r] = i
	}
	return index
}()

// ErrorTypes returns all values that error.type can have, sorted.
func ErrorTypes() []string { return slices.Clone(reasons[1:]) }

// reasonOf classifies err. No part of its text is in the result.
func reasonOf(err error) string {
	if err == nil {
		return otherReason
	}
	if reason, ok := reasonByText(err); ok {
		return reason
	}
	if exceeded, ok := errors.AsType[*throttle.Exceeded](err); ok && allowances[exceeded.By] != "" {
		return allowances[exceeded.By]
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.reason
		}
	}
	return otherReason
}

// reasonByText looks at what err wraps first: the text of what is innermost is there already, while one that wraps may
// be put together each time that it is asked for.
func reasonByText(err error) (reason string, ok bool) {
	switch e := err.(type) { //nolint:errorlint // it walks through what wraps itself
	case nil: // among several, as errors.Is allows
		return "", false
	case *throttle.Exceeded:
		return "", false // has numbers in its text
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			reason, ok = reasonByText(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if reason, ok = reasonByText(inner); ok {
				break
			}
		}
	}
	if !ok {
		reason, ok = texts[err.Error()]
	}
	return reason, ok
}
