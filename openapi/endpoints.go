package openapi

import (
	"slices"

	"github.com/passbearer/passbearer"
)

// tokenOperation describes a token endpoint (RFC 6749).
func tokenOperation(s passbearer.Supported) Operation {
	op := Operation{
		Summary:     "Token endpoint",
		Description: "Issues access tokens (RFC 6749) for what is sent as a form.",
		Methods:     []string{"POST"},
		Body:        tokenRequest(s),
		ContentType: "application/x-www-form-urlencoded",
		Responses: map[int]Response{
			200: {Description: "The tokens", Body: tokenResponse(s)},
			400: {Description: "The request is not valid, or the name or password is wrong", Body: tokenError()},
			503: {Description: "Temporarily unavailable", Body: tokenError()},
		},
	}
	if slices.Contains(s.GrantTypes, "password") {
		op.Responses[429] = Response{Description: "Too many sign-in attempts", Body: tokenError()}
	}
	if s.Clients {
		op.Responses[401] = Response{Description: "The client is not authenticated", Body: tokenError()}
	}
	return op
}

// tokenRequest is what a client sends that takes RFC 6749 at its word, which a
// strict endpoint and a lenient one understand.
func tokenRequest(s passbearer.Supported) *object {
	parameters := obj("grant_type", obj("type", "string", "enum", texts(s.GrantTypes)))
	required := []any{"grant_type"}
	if slices.Contains(s.GrantTypes, "password") {
		parameters.set("username", obj("type", "string"))
		parameters.set("password", obj("type", "string", "format", "password"))
		if len(s.GrantTypes) == 1 {
			required = append(required, "username", "password")
		}
	}
	if refreshes(s) {
		parameters.set("refresh_token", obj("type", "string", "format", "password"))
	}
	parameters.set("scope", obj("type", "string", "description", "Scopes, separated by spaces"))
	if s.Clients {
		parameters.set("client_id", obj("type", "string"))
		parameters.set("client_secret", obj("type", "string", "format", "password"))
	}
	return obj("type", "object", "required", required, "properties", parameters)
}

func refreshes(s passbearer.Supported) bool { return slices.Contains(s.GrantTypes, "refresh_token") }

// tokenResponse requires what RFC 6749 §5.1 does: the application may answer with
// its own members.
func tokenResponse(s passbearer.Supported) *object {
	members := obj(
		"access_token", obj("type", "string"),
		"token_type", obj("type", "string"),
		"expires_in", obj("type", "integer", "description", "Seconds"))
	if refreshes(s) {
		members.set("refresh_token", obj("type", "string"))
	}
	members.set("scope", obj("type", "string", "description", "What was granted, separated by spaces"))
	return obj("type", "object", "required", []any{"access_token", "token_type"}, "properties", members)
}

func tokenError() *object {
	return obj("type", "object", "required", []any{"detail"}, "properties", obj(
		"error", obj("type", "string", "description", "The error code (RFC 6749 §5.2)"),
		"error_description", obj("type", "string"),
		"detail", obj("type", "string")))
}
