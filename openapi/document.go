package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/passbearer/passbearer"
)

// builder makes one document.
type builder struct {
	*API
	scheme   string                // the security scheme's name
	paths    *object               // path items
	first    map[string]string     // by its key, the path as the document has it
	ids      map[string]string     // operations by operationId
	written  map[string]*operation // by hand, by key
	demanded map[string]bool       // scopes; nil if there is no guarded operation
}

// document returns the document, or the first thing in which what was merged
// contradicts the routes.
func (a *API) document() (*object, error) {
	b := &builder{API: a, scheme: a.schemeName(), paths: obj(), first: map[string]string{}, ids: map[string]string{}, written: map[string]*operation{}}
	for id, rt := range a.routes.byID {
		b.ids[id] = rt.methods[0] + " " + rt.path
	}
	for _, m := range a.merged {
		if err := b.index(m); err != nil {
			return nil, err
		}
	}
	for _, rt := range a.routes.all {
		for _, method := range rt.methods {
			if err := b.addRoute(rt, method); err != nil {
				return nil, err
			}
		}
	}
	for _, m := range a.merged {
		if err := b.addManuscript(m); err != nil {
			return nil, err
		}
	}
	return b.whole()
}

func (b *builder) whole() (*object, error) {
	info := obj("title", b.title, "version", b.version)
	doc := obj("openapi", "3.1.0", "info", info, "paths", b.paths)
	components := obj()
	if len(b.routes.definitions) > 0 {
		components.set("schemas", sorted(b.routes.definitions))
	}
	if scheme := b.securityScheme(); scheme != nil {
		components.set("securitySchemes", obj(b.scheme, scheme))
	}
	for _, m := range b.merged {
		if err := m.addTo(doc, info, components); err != nil {
			return nil, err
		}
	}
	if !info.has("description") {
		info.setText("description", b.opts.Description)
	}
	if !doc.has("servers") {
		doc.set("servers", []any{obj("url", ".")}) // the document's own folder; the default would be the host's root
	}
	if len(components.names) > 0 {
		doc.set("components", components)
	}
	return doc.inOrder("openapi", "info", "jsonSchemaDialect", "servers", "tags", "externalDocs", "paths", "webhooks", "components"), nil
}

// sorted makes an object of a map.
func sorted[V any](m map[string]V) *object {
	o := obj()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		o.set(name, m[name])
	}
	return o
}

func (a *API) tokenURL() string {
	if a.routes.token == nil {
		return a.opts.TokenURL
	}
	relative, _ := a.routes.token.relativeURL()
	return relative
}

func (a *API) schemeName() string {
	if a.tokenURL() == "" {
		return cmp.Or(a.opts.SchemeName, "HTTPBearer")
	}
	return cmp.Or(a.opts.SchemeName, "OAuth2PasswordBearer")
}

// securityScheme returns nil if no route needs it.
func (b *builder) securityScheme() *object {
	tokenURL := b.tokenURL()
	switch {
	case tokenURL != "":
		return obj("type", "oauth2", "flows", obj("password", b.passwordFlow(tokenURL)))
	case b.demanded != nil:
		return obj("type", "http", "scheme", "bearer", "bearerFormat", "JWT")
	}
	return nil
}

func (b *builder) passwordFlow(tokenURL string) *object {
	flow := obj("tokenUrl", tokenURL)
	if token := b.routes.token; token != nil && refreshes(token.token.Supported()) {
		flow.set("refreshUrl", tokenURL)
	}
	scopes := maps.Clone(b.routes.scopes)
	for scope := range b.demanded {
		if _, described := scopes[scope]; !described {
			scopes[scope] = ""
		}
	}
	flow.set("scopes", sorted(scopes))
	for _, name := range slices.Sorted(maps.Keys(b.routes.extensions)) {
		relative, _ := b.routes.extensions[name].relativeURL()
		flow.set(name, relative)
	}
	return flow
}

// index takes note of what a merged document describes, and of its operationIds
// before others are derived.
func (b *builder) index(m *manuscript) error {
	for _, op := range m.operations {
		if b.written[op.key()] != nil {
			return fmt.Errorf("%s is described in two documents", op)
		}
		b.written[op.key()] = op
		if rt := b.routes.byOperation[op.key()]; op.id == "" || rt != nil && rt.op.ID != "" {
			continue
		}
		if other, taken := b.ids[op.id]; taken {
			return fmt.Errorf("%s: the operationId %q is that of %s already", op, op.id, other)
		}
		b.ids[op.id] = op.String()
	}
	return nil
}

func (b *builder) derivedID(method, path string) string {
	id := derivedID(method, path)
	for n := 2; b.ids[id] != ""; n++ {
		id = fmt.Sprintf("%s_%d", derivedID(method, path), n)
	}
	b.ids[id] = method + " " + path
	return id
}

// item returns the path item, which may have been begun for another method. Two
// paths that differ in their parameters' names alone are one to OpenAPI.
func (b *builder) item(path string) (name string, item *object) {
	key := templateKey(path)
	name, found := b.first[key]
	if !found {
		name = path
		b.first[key], item = path, obj()
		b.paths.set(path, item)
	}
	return name, b.paths.object(name)
}

func (b *builder) addRoute(rt *route, method string) error {
	path, item := b.item(rt.path)
	op := rt.op.object()
	written := b.written[operationKey(method, rt.path)]
	if written != nil {
		if err := written.agree(path, b.scheme, rt.demand); err != nil {
			return err
		}
		op.fill(written.object, "operationId", "parameters", "responses", "security")
		fillResponses(op.object("responses"), written.object.object("responses"))
	}
	if id := cmp.Or(rt.op.ID, written.operationID()); id != "" {
		op.set("operationId", id)
	} else {
		op.set("operationId", b.derivedID(method, path))
	}
	if parameters := rt.parameters(path, written); len(parameters) > 0 {
		op.set("parameters", parameters)
	}
	if rt.host != "" {
		op.set("servers", []any{obj("url", "//"+rt.host)})
	}
	item.set(strings.ToLower(method), b.finish(op, rt.demand))
	return nil
}

// finish adds what an operation must have, and what its Guard demands and answers.
func (b *builder) finish(op *object, d *passbearer.Demand) *object {
	responses := op.object("responses")
	if len(responses.names) == 0 {
		responses.set("200", obj())
	}
	if d != nil {
		b.demand(d)
		fillResponses(responses, obj("401", unauthorized()))
	}
	if d != nil && d.Scope != "" {
		fillResponses(responses, obj("403", forbidden()))
	}
	for _, status := range responses.names {
		if res := responses.object(status); res != nil && !res.has("$ref") {
			res.fill(obj("description", statusText(status)))
			responses.set(status, res.inOrder("description", "headers", "content"))
		}
	}
	op.set("responses", responses.inOrder(slices.Sorted(slices.Values(responses.names))...))
	op.set("security", security(b.scheme, d))
	return op.inOrder("tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses", "callbacks", "deprecated", "security", "servers")
}

func (b *builder) demand(d *passbearer.Demand) {
	if b.demanded == nil {
		b.demanded = map[string]bool{}
	}
	for scope := range d.Scope.All() {
		b.demanded[scope] = true
	}
}

func statusText(status string) string {
	code, _ := strconv.Atoi(status) // "default" and "4XX" have no text
	return cmp.Or(http.StatusText(code), "Status "+status)
}

// fillResponses adds whole responses, and to those that are there what they lack.
func fillResponses(responses, others *object) {
	if others == nil {
		return
	}
	for _, status := range others.names {
		other, whole := others.object(status), !responses.has(status)
		mine := obj()
		if !whole {
			mine = responses.object(status)
		}
		switch {
		case other == nil: // an extension
			responses.fill(obj(status, others.get(status)))
		case whole, !mine.has("$ref") && !other.has("$ref"):
			mine.fill(other)
			responses.set(status, mine)
		}
	}
}

func unauthorized() *object {
	challenge := obj("description", "The challenge (RFC 6750)", "schema", obj("type", "string"))
	return obj("description", "Not authenticated", "headers", obj("WWW-Authenticate", challenge), "content", detail())
}

func forbidden() *object {
	res := unauthorized()
	res.set("description", "The token lacks a scope")
	return res
}

func detail() *object {
	return content("", obj("type", "object", "required", []any{"detail"}, "properties", obj("detail", obj("type", "string"))))
}

// parameters are those of the path under the names that its path item has, and
// then those that the program and the merged document tell of.
func (rt *route) parameters(path string, written *operation) (all []any) {
	names := expression.FindAllString(path, -1)
	for i, w := range rt.wildcards {
		name := strings.Trim(names[i], "{}")
		given := Parameter{Name: w.name, In: "path", Required: true}
		if described := rt.op.parameter("path", w.name); described != nil {
			given = *described
		}
		given.Required = true
		p := given.object(name)
		p.fill(written.parameter("path", name))
		if w.rest {
			p.fill(obj("description", "The rest of the path, which may have slashes"))
		}
		all = append(all, finishParameter(p))
	}
	for _, given := range rt.op.Parameters {
		if given.In == "path" {
			continue
		}
		p := given.object(given.Name)
		p.fill(written.parameter(given.In, given.Name))
		all = append(all, finishParameter(p))
	}
	return append(all, written.otherParameters(rt)...)
}

func finishParameter(p *object) *object {
	if !p.has("content") {
		p.fill(obj("schema", obj("type", "string")))
	}
	return p.inOrder("name", "in", "description", "required", "deprecated", "schema")
}
