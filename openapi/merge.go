package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/passbearer/passbearer"
)

// Merge adds a document that was written by hand, OpenAPI 3.1 in JSON. Call it
// when the routes are mounted; a route that is mounted later is held against the
// document then.
//
// An operation of it that is mounted here gains what [API.Handle] was not told.
// One that is not is added as it is written, and so is the rest of the document,
// save the title and the version. What is guarded here stays so: the document's
// security must say exactly what the Guard demands or be left out, and is filled
// in then, also where the path is one of many below a guarded subtree. Merge
// returns an error and adds nothing if that is not so, if the names of a path's
// parameters or the content of a component are others than those that are there,
// or if the document is malformed.
func (a *API) Merge(document []byte) error {
	m, err := readManuscript(document)
	if err != nil {
		return fmt.Errorf("openapi: Merge: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.merged
	a.merged = append(slices.Clip(before), m)
	if _, err := a.document(); err != nil {
		a.merged = before
		return fmt.Errorf("openapi: Merge: %w", err)
	}
	a.built = nil
	return nil
}

// addManuscript adds what no route has described.
func (b *builder) addManuscript(m *manuscript) error {
	for _, i := range m.items {
		path, mine := b.item(i.path)
		if path != i.path {
			return fmt.Errorf("the path %s is there as %s: give the parameters those names", i.path, path)
		}
		own := obj()
		own.fill(i.object, append(lower(documented), "parameters")...)
		if err := unite(mine, own); err != nil {
			return fmt.Errorf("the path %s: %w", path, err)
		}
	}
	for _, op := range m.operations {
		if b.routes.byOperation[op.key()] != nil {
			continue // addRoute had it
		}
		if err := b.addOperation(op); err != nil {
			return err
		}
	}
	if paths := m.object.object("paths"); paths != nil {
		for _, name := range paths.names {
			if isExtension(name) {
				if err := unite(b.paths, obj(name, paths.get(name))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *builder) addOperation(op *operation) error {
	d, err := b.reached(op)
	if err != nil {
		return err
	}
	added := obj()
	added.fill(op.object, "parameters", "security", "responses")
	var parameters []any
	for _, p := range op.parameters {
		parameters = append(parameters, p.written)
	}
	if parameters != nil {
		added.set("parameters", parameters)
	}
	if op.has("responses") || d != nil {
		responses := obj()
		fillResponses(responses, op.object.object("responses"))
		added.set("responses", responses)
	}
	switch {
	case d != nil:
		added = b.finish(added, d)
	case op.security != nil:
		added.set("security", op.security)
	}
	_, item := b.item(op.path)
	item.set(strings.ToLower(op.method), added)
	return nil
}

// reached returns the demand that a request to op meets; nil if it reaches no
// route, or one that does not tell of any.
func (b *builder) reached(op *operation) (demand *passbearer.Demand, err error) {
	for _, host := range op.hosts {
		h, name := b.mux.Handler(&http.Request{Method: op.method, URL: probe(op.path), Host: host})
		d := tell(h).demand
		if rt := b.routes.byName[name]; rt != nil {
			d = rt.demand // as Operation.Wraps may have it
		}
		if d == nil {
			continue
		}
		if err := op.agree(op.path, b.scheme, d); err != nil {
			return nil, fmt.Errorf("%w (the route is %q)", err, name)
		}
		if demand != nil && !sameSecurity(security("", demand), security("", d)) {
			return nil, fmt.Errorf("%s: its servers reach several Guards: tell of them apart", op)
		}
		demand = d
	}
	return demand, nil
}

// agree returns an error if op says something of a route that is not so.
func (op *operation) agree(path, scheme string, d *passbearer.Demand) error {
	if op.path != path {
		return fmt.Errorf("%s: the route has the path %s: give the parameters those names", op, path)
	}
	for _, p := range op.parameters {
		if p.in == "path" && !strings.Contains(path, "{"+p.name+"}") {
			return fmt.Errorf("%s: the parameter %q is not in the path", op, p.name)
		}
	}
	want := security(scheme, d)
	if op.security != nil && !sameSecurity(op.security, want) {
		return fmt.Errorf("%s: the document says security %s, and what is enforced is %s: leave security out, and it is filled in",
			op, encode(op.security), encode(want))
	}
	return nil
}

func lower(names []string) []string {
	low := make([]string, len(names))
	for i, name := range names {
		low[i] = strings.ToLower(name)
	}
	return low
}

// addTo adds what the manuscript has besides its paths.
func (m *manuscript) addTo(doc, info, components *object) error {
	own, ownInfo := obj(), obj()
	own.fill(m.object, "openapi", "info", "paths", "components", "security")
	if written := m.object.object("info"); written != nil {
		ownInfo.fill(written, "title", "version")
	}
	if err := errors.Join(unite(doc, own), unite(info, ownInfo)); err != nil {
		return err
	}
	written := m.object.object("components")
	if written == nil {
		return nil
	}
	for _, section := range written.names {
		theirs := written.object(section)
		if theirs == nil { // an extension
			if err := unite(components, obj(section, written.get(section))); err != nil {
				return err
			}
			continue
		}
		if !components.has(section) {
			components.set(section, obj())
		}
		if err := unite(components.object(section), theirs); err != nil {
			return fmt.Errorf("components/%s: %w", section, err)
		}
	}
	return nil
}

// unite adds the members of other, which must be the same where there are two.
func unite(o, other *object) error {
	for _, name := range other.names {
		if o.has(name) && !equal(o.get(name), other.get(name)) {
			return fmt.Errorf("%q is there already with other content: %s", name, encode(o.get(name)))
		}
		o.set(name, other.get(name))
	}
	return nil
}
