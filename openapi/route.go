package openapi

import (
	"fmt"
	"net/http"
	"slices"
)

// documented are the methods that a path item has a field for. A route of any
// other is mounted and not described.
var documented = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

// route is what was mounted under one pattern.
type route struct {
	told
	pattern
	name    string    // the pattern as it was written
	op      Operation // its Go values are schemas
	methods []string  // described; none if it is hidden
}

func newRoute(name string, h http.Handler, op Operation) (*route, error) {
	rt := &route{name: name, pattern: parsePattern(name), told: tell(h)}
	if rt.method != "" && op.Methods != nil {
		return nil, fmt.Errorf("Operation.Methods is for a pattern without a method: leave the one or the other out")
	}
	if err := rt.unwrap(op.Wraps); err != nil {
		return nil, err
	}
	if rt.token != nil {
		op = op.or(tokenOperation(rt.token.Supported()))
	}
	if rt.own != nil {
		op = op.or(rt.own.DescribeOperation())
	}
	rt.op = op.or(Operation{})
	rt.methods = rt.answers()
	if err := rt.op.check(rt.pattern); err != nil {
		return nil, err
	}
	return rt, rt.checkEndpoint()
}

// unwrap takes the word of the program where the handler does not tell.
func (rt *route) unwrap(inner http.Handler) error {
	if inner == nil {
		return nil
	}
	within := tell(inner)
	if within.nothing() {
		return fmt.Errorf("Operation.Wraps does not tell anything: give the handler that a Guard's Handler or HandlerFunc returned")
	}
	if !rt.nothing() && !sameSecurity(security("x", rt.demand), security("x", within.demand)) {
		return fmt.Errorf("Operation.Wraps demands %s and the handler itself %s: leave Wraps out",
			encode(security("bearer", within.demand)), encode(security("bearer", rt.demand)))
	}
	if rt.nothing() {
		rt.told = within
	}
	return nil
}

// answers returns the methods to describe. GET's pattern answers to HEAD too,
// which goes without saying.
func (rt *route) answers() []string {
	switch {
	case rt.op.Hidden:
		return nil
	case rt.method == "" && rt.op.Methods == nil:
		return []string{http.MethodGet}
	case rt.method == "":
		return rt.op.Methods
	case slices.Contains(documented, rt.method):
		return []string{rt.method}
	}
	return nil
}

func (rt *route) checkEndpoint() error {
	if rt.op.Hidden {
		return nil
	}
	if rt.token != nil && !slices.Equal(rt.methods, []string{http.MethodPost}) {
		return fmt.Errorf("a token endpoint answers POST: mount it as %q", "POST "+rt.host+rt.path)
	}
	if _, one := rt.relativeURL(); !one && (rt.token != nil || rt.op.FlowExtension != "") {
		return fmt.Errorf("the password flow needs this endpoint's URL, and the pattern has many: leave the wildcards out, or set Operation.Hidden (and Options.TokenURL)")
	}
	return nil
}

func (rt *route) hidden() bool { return len(rt.methods) == 0 }

// operationKey is the same for two operations that OpenAPI cannot tell apart.
func operationKey(method, path string) string { return method + " " + templateKey(path) }

// registry is what was mounted, so far as the rules about it look across routes.
type registry struct {
	all         []*route
	byName      map[string]*route
	byOperation map[string]*route
	byID        map[string]*route
	extensions  map[string]*route // of the password flow
	scopes      map[string]string // described
	definitions map[string]any    // schemas by name
	token       *route
}

func newRegistry() registry {
	return registry{
		byName:      map[string]*route{},
		byOperation: map[string]*route{},
		byID:        map[string]*route{},
		extensions:  map[string]*route{},
		scopes:      map[string]string{},
		definitions: map[string]any{},
	}
}

// check returns the first rule that rt would break.
func (g *registry) check(rt *route) error {
	if rt.hidden() {
		return nil
	}
	for _, method := range rt.methods {
		if other := g.byOperation[operationKey(method, rt.path)]; other != nil {
			return fmt.Errorf("OpenAPI cannot tell it from %q, as both are %s %s: set Operation.Hidden on one of them", other.name, method, rt.path)
		}
	}
	if id := rt.op.ID; id != "" && (g.byID[id] != nil || len(rt.methods) > 1) {
		return fmt.Errorf("the ID %q is there already, or for several methods: give each operation its own", id)
	}
	if other := g.extensions[rt.op.FlowExtension]; other != nil {
		return fmt.Errorf("the password flow has the %s of %q already: set Operation.Hidden on one of them", rt.op.FlowExtension, other.name)
	}
	if rt.token != nil && g.token != nil {
		return fmt.Errorf("there is a token endpoint already, %q: set Operation.Hidden on one of them", g.token.name)
	}
	for _, described := range rt.scopes {
		for scope, text := range described {
			if known, ok := g.scopes[scope]; ok && known != text {
				return fmt.Errorf("its Guard describes the scope %s as %q and another one as %q: give both the same GuardOptions.Scopes", scope, text, known)
			}
		}
	}
	return nil
}

func (g *registry) add(rt *route) {
	g.all = append(g.all, rt)
	g.byName[rt.name] = rt
	if rt.hidden() {
		return
	}
	for _, method := range rt.methods {
		g.byOperation[operationKey(method, rt.path)] = rt
	}
	if rt.op.ID != "" {
		g.byID[rt.op.ID] = rt
	}
	if rt.op.FlowExtension != "" {
		g.extensions[rt.op.FlowExtension] = rt
	}
	if rt.token != nil {
		g.token = rt
	}
	for _, described := range rt.scopes {
		for scope, text := range described {
			g.scopes[scope] = text
		}
	}
}
