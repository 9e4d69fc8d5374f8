package openapi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// manuscript is a document that was written by hand. It is not changed after
// [readManuscript].
type manuscript struct {
	*object
	items      []item
	operations []*operation
}

type item struct {
	path string
	*object
}

// operation is one of a manuscript's.
type operation struct {
	*object
	method, path string
	id           string
	security     any // nil if it is left open
	parameters   []parameter
	hosts        []string // that it may be served on
}

type parameter struct {
	in, name string
	written  any
	resolved *object
}

func (op *operation) String() string { return op.method + " " + op.path }
func (op *operation) key() string    { return operationKey(op.method, op.path) }

func readManuscript(text []byte) (*manuscript, error) {
	v, err := decode(text)
	if err != nil {
		return nil, err
	}
	doc, ok := v.(*object)
	if !ok {
		return nil, errors.New("the document is not an object")
	}
	if version, _ := doc.get("openapi").(string); !strings.HasPrefix(version, "3.1.") {
		return nil, errors.New("the document is not of OpenAPI 3.1: convert it")
	}
	m := &manuscript{object: doc}
	for _, check := range []func() error{m.checkMembers, m.readPaths} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *manuscript) checkMembers() error {
	if err := onlyMembers(m.object, "openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags", "externalDocs"); err != nil {
		return err
	}
	for _, name := range []string{"info", "paths", "components"} {
		if m.has(name) && m.object.object(name) == nil {
			return fmt.Errorf("the member %q is not an object", name)
		}
	}
	if err := checkServers(m.get("servers"), true); err != nil {
		return err
	}
	components := m.object.object("components")
	if components == nil {
		return nil
	}
	for _, name := range components.names {
		if components.object(name) == nil && !isExtension(name) {
			return fmt.Errorf("the member %q of components is not an object", name)
		}
	}
	return nil
}

func isExtension(name string) bool { return strings.HasPrefix(name, "x-") }

// onlyMembers refuses what readers might take for something else: a method in
// capitals, say.
func onlyMembers(o *object, known ...string) error {
	for _, name := range o.names {
		if !slices.Contains(known, name) && !isExtension(name) {
			return fmt.Errorf("the member %q is none of OpenAPI 3.1", name)
		}
	}
	return nil
}

func (m *manuscript) readPaths() error {
	paths := m.object.object("paths")
	if paths == nil {
		return nil
	}
	for _, name := range paths.names {
		if isExtension(name) {
			continue
		}
		path, err := normalTemplate(name)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(m.items, func(i item) bool { return i.path == path }) {
			return fmt.Errorf("the path %s is there twice", path)
		}
		if err := m.readItem(item{path, paths.object(name)}); err != nil {
			return fmt.Errorf("the path %s: %w", path, err)
		}
	}
	return nil
}

func (m *manuscript) readItem(i item) error {
	switch {
	case i.object == nil:
		return errors.New("it is not an object")
	case i.has("$ref"):
		return errors.New("it is a $ref, behind which a Guard might be contradicted: write it in its place")
	}
	known := []string{"summary", "description", "servers", "parameters"}
	for _, method := range documented {
		known = append(known, strings.ToLower(method))
	}
	if err := onlyMembers(i.object, known...); err != nil {
		return err
	}
	m.items = append(m.items, i)
	for _, name := range i.names {
		method := strings.ToUpper(name)
		if !slices.Contains(documented, method) {
			continue
		}
		op, err := m.readOperation(i, method)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.operations = append(m.operations, op)
	}
	return nil
}

func (m *manuscript) readOperation(i item, method string) (op *operation, err error) {
	op = &operation{object: i.object.object(strings.ToLower(method)), method: method, path: i.path}
	if op.object == nil {
		return nil, errors.New("it is not an object")
	}
	op.id, _ = op.get("operationId").(string)
	if responses := op.object.object("responses"); op.has("responses") {
		if responses == nil || slices.ContainsFunc(responses.names, func(s string) bool { return responses.object(s) == nil && !isExtension(s) }) {
			return nil, errors.New("its responses are not an object of objects")
		}
	}
	if op.security, err = m.security(op.object); err != nil {
		return nil, err
	}
	if err := errors.Join(checkServers(i.get("servers"), false), checkServers(op.get("servers"), false)); err != nil {
		return nil, err
	}
	for _, list := range []any{i.get("parameters"), op.get("parameters")} {
		if err := m.readParameters(op, list); err != nil {
			return nil, err
		}
	}
	op.hosts = append([]string{""}, hosts(m.get("servers"), i.get("servers"), op.get("servers"))...)
	return op, nil
}

// security is the operation's own, or what the document says of all.
func (m *manuscript) security(op *object) (any, error) {
	for _, o := range []*object{op, m.object} {
		if !o.has("security") {
			continue
		}
		if _, ok := canonicalSecurity(o.get("security")); !ok {
			return nil, errors.New("its security is not a list of objects of lists")
		}
		return o.get("security"), nil
	}
	return nil, nil
}

// readParameters adds to op's parameters; those of the operation come after
// those of its path item, and replace them.
func (m *manuscript) readParameters(op *operation, list any) error {
	items, ok := list.([]any)
	if list != nil && !ok {
		return errors.New("its parameters are not a list")
	}
	for _, written := range items {
		p, err := m.parameter(written)
		if err != nil {
			return err
		}
		same := slices.IndexFunc(op.parameters, func(other parameter) bool { return other.in == p.in && other.name == p.name })
		if same >= 0 {
			op.parameters[same] = p
		} else {
			op.parameters = append(op.parameters, p)
		}
	}
	return nil
}

func (m *manuscript) parameter(written any) (p parameter, err error) {
	p.written = written
	p.resolved, _ = written.(*object)
	if ref, ok := p.resolved.get("$ref").(string); ok {
		name, _ := strings.CutPrefix(ref, "#/components/parameters/")
		p.resolved = m.object.object("components").object("parameters").object(name)
	}
	p.in, _ = p.resolved.get("in").(string)
	p.name, _ = p.resolved.get("name").(string)
	if p.in == "" || p.name == "" {
		return p, fmt.Errorf("the parameter %s has no name and place that can be seen here: write it in its place, or in the document's components", encode(written))
	}
	return p, nil
}

// checkServers refuses servers with which a URL might be a guarded one without
// looking like it: with variables, and where they are those of one operation, with
// a path. That of the whole document is where it is mounted.
func checkServers(list any, mounted bool) error {
	servers, ok := list.([]any)
	if list != nil && !ok {
		return errors.New("its servers are not a list")
	}
	for _, s := range servers {
		server, _ := s.(*object)
		address, _ := server.get("url").(string)
		u, err := url.Parse(address)
		switch {
		case err != nil || strings.ContainsAny(address, "{}"):
			return fmt.Errorf("the server %q is not a URL without variables: write each out", address)
		case !mounted && !slices.Contains([]string{"", "/", ".", "./"}, u.Path):
			return fmt.Errorf("the server %q has a path: write it in the paths themselves", address)
		}
	}
	return nil
}

// hosts returns the hosts of server lists.
func hosts(lists ...any) (found []string) {
	for _, list := range lists {
		servers, _ := list.([]any)
		for _, s := range servers {
			server, _ := s.(*object)
			address, _ := server.get("url").(string)
			if u, err := url.Parse(address); err == nil && u.Host != "" {
				found = append(found, u.Host)
			}
		}
	}
	return found
}

// parameter returns what a document says of one; op may be nil.
func (op *operation) parameter(in, name string) *object {
	if op == nil {
		return nil
	}
	for _, p := range op.parameters {
		if p.in == in && p.name == name {
			return p.resolved
		}
	}
	return nil
}

// otherParameters are those that the route does not have of itself.
func (op *operation) otherParameters(rt *route) (others []any) {
	if op == nil {
		return nil
	}
	for _, p := range op.parameters {
		if p.in != "path" && rt.op.parameter(p.in, p.name) == nil {
			others = append(others, p.written)
		}
	}
	return others
}

func (op *operation) operationID() string {
	if op == nil {
		return ""
	}
	return op.id
}
