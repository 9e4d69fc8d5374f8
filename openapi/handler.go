package openapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/passbearer/passbearer"
)

// told is what a handler tells of itself.
type told struct {
	demand *passbearer.Demand  // nil: none, as far as one can see; its Scopes are below
	scopes []map[string]string // described by the Guards
	token  *passbearer.TokenHandler
	own    Describer
}

// tell asks h, and what it wraps as far as it lets see.
func tell(h http.Handler) (t told) {
	for h != nil {
		if guarded, ok := h.(interface{ Demand() passbearer.Demand }); ok {
			t.add(guarded.Demand())
		}
		if token, ok := h.(*passbearer.TokenHandler); ok {
			t.token = token
		}
		if own, ok := h.(Describer); ok {
			t.own = own
		}
		wrapper, ok := h.(interface{ Unwrap() http.Handler })
		if !ok {
			return t
		}
		h = wrapper.Unwrap()
	}
	return t
}

// add is for Guards within Guards, all of which a request must pass.
func (t *told) add(d passbearer.Demand) {
	t.scopes = append(t.scopes, d.Scopes)
	if t.demand != nil {
		d.Scope = passbearer.Scope(strings.TrimSpace(string(t.demand.Scope + " " + d.Scope)))
		d.Optional = d.Optional && t.demand.Optional
	}
	t.demand = &d
}

func (t told) nothing() bool { return t.demand == nil && t.token == nil && t.own == nil }

// security is the security of an operation that demands d, nil for a public one.
func security(scheme string, d *passbearer.Demand) []any {
	if d == nil {
		return []any{}
	}
	requirement := obj(scheme, texts(scopeNames(d)))
	if d.Optional {
		return []any{obj(), requirement}
	}
	return []any{requirement}
}

// scopeNames are in the Guard's order, each once.
func scopeNames(d *passbearer.Demand) (names []string) {
	for name := range d.Scope.All() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// sameSecurity compares two lists of alternatives; neither their order counts
// nor that of scopes. It reports false if one is malformed.
func sameSecurity(a, b any) bool {
	left, ok := canonicalSecurity(a)
	right, ok2 := canonicalSecurity(b)
	return ok && ok2 && slices.Equal(left, right)
}

func canonicalSecurity(v any) (alternatives []string, ok bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	for _, item := range list {
		requirement, ok := item.(*object)
		if !ok {
			return nil, false
		}
		sorted := obj()
		for _, scheme := range slices.Sorted(slices.Values(requirement.names)) {
			scopes, ok := scopeList(requirement.get(scheme))
			if !ok {
				return nil, false
			}
			sorted.set(scheme, texts(scopes))
		}
		alternatives = append(alternatives, string(encode(sorted)))
	}
	slices.Sort(alternatives)
	return slices.Compact(alternatives), true
}

func scopeList(v any) (scopes []string, ok bool) {
	list, ok := v.([]any)
	for _, item := range list {
		scope, isText := item.(string)
		if !isText {
			return nil, false
		}
		scopes = append(scopes, scope)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), ok
}
