package remotejwks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/passbearer/passbearer"
)

// ClaimsMap changes the verified claims of a token to what the application wants to see. Its error refuses the token. It
// is called concurrently, and only when a token is seen for the first time: it must depend on the claims alone.
type ClaimsMap func(*passbearer.Claims) error

// DefaultMap takes the scope from the claim scp (a string or an array) where there is no scope, and the client from azp,
// appid or cid where there is no client_id. A scope that is an array is read without it.
func DefaultMap(c *passbearer.Claims) error {
	extra, err := passbearer.ExtraClaims[map[string]json.RawMessage](c)
	if err != nil {
		return err
	}
	setDefaults(c, extra)
	return nil
}

// ScopeFrom returns DefaultMap with more scope from other claims, such as roles and permissions, in this order: names of
// claims or, for those within others, JSON Pointers (RFC 6901), which begin with a slash.
//
//	remotejwks.ScopeFrom("/realm_access/roles", "/resource_access/my-api/roles") // Keycloak
//	remotejwks.ScopeFrom("permissions")                                          // Auth0
//	remotejwks.ScopeFrom("roles")                                                // Entra ID
//
// Each is a string of words or an array of strings. Absent ones and those of another form add nothing, and neither does a
// word of an array that is not one scope in the characters of RFC 6749 §3.3, such as a role with a space.
//
// A role that has the name of a scope is then taken for it. It panics on a pointer that is none.
func ScopeFrom(claims ...string) ClaimsMap {
	paths := make([][]string, len(claims))
	for i, claim := range claims {
		paths[i] = parsePath(claim)
	}
	return func(c *passbearer.Claims) error {
		extra, err := passbearer.ExtraClaims[map[string]json.RawMessage](c)
		if err != nil {
			return err
		}
		setDefaults(c, extra)
		for _, path := range paths {
			c.Scope = join(c.Scope, words(find(extra, path)))
		}
		return nil
	}
}

func setDefaults(c *passbearer.Claims, extra map[string]json.RawMessage) {
	if c.Scope == "" {
		c.Scope = join("", words(extra["scp"]))
	}
	c.ClientID = cmp.Or(c.ClientID, text(extra["azp"]), text(extra["appid"]), text(extra["cid"]))
}

func parsePath(claim string) []string {
	if !strings.HasPrefix(claim, "/") {
		if claim == "" {
			panic("remotejwks: ScopeFrom has an empty name: name a claim")
		}
		return []string{claim}
	}
	path := strings.Split(claim[1:], "/")
	for i, name := range path {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(name), "~") {
			panic(fmt.Sprintf("remotejwks: ScopeFrom(%q) is no JSON Pointer: write ~0 for ~ and ~1 for /", claim))
		}
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return path
}

func find(members map[string]json.RawMessage, path []string) json.RawMessage {
	for _, name := range path[:len(path)-1] {
		var inner map[string]json.RawMessage
		if json.Unmarshal(members[name], &inner) != nil {
			return nil
		}
		members = inner
	}
	return members[path[len(path)-1]]
}

func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func words(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	return strings.Fields(text(raw))
}

// join adds the words that are scopes and not there yet.
func join(scope passbearer.Scope, words []string) passbearer.Scope {
	for _, w := range words {
		if w == "" || strings.Contains(w, " ") || !passbearer.Scope(w).Valid() || scope.Has(w) {
			continue
		}
		scope = passbearer.Scope(strings.TrimPrefix(string(scope)+" "+w, " "))
	}
	return scope
}
