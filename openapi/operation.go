package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Operation is what a document says of a route besides what its pattern and its
// handler tell. Everything is optional.
//
// Body, Parameter.Schema and Response.Body are Go values whose type becomes a
// schema through [Options.Schemas], or a json.RawMessage that is the schema.
type Operation struct {
	// ID is the operationId. Empty means one that is derived from the method
	// and the path, such as get_items_id.
	ID string

	Summary     string // these four are the members of those names
	Description string // CommonMark
	Tags        []string
	Deprecated  bool

	// Parameters describes the pattern's wildcards, which are there without it,
	// and names those in the query, in headers and in cookies.
	Parameters []Parameter

	// Body is the request's body, which is required. Nil means none.
	Body        any
	ContentType string // of Body; empty means "application/json"

	// Responses are the answers by status. Nil means 200 alone. Those of a
	// Guard, 401 and 403, are added where they are missing.
	Responses map[int]Response

	// Methods are those that a pattern without a method answers to. Nil means
	// GET, for a token endpoint POST.
	Methods []string

	// Hidden mounts the route and leaves it out of the document.
	Hidden bool

	// Wraps is the handler inside of this route's, made by a Guard say, where
	// what is around it does not tell by a method Unwrap() http.Handler. Without
	// it such a route is described as a public one.
	Wraps http.Handler

	// FlowExtension is the name under which the password flow tells this
	// operation's URL, "x-revocationUrl" for instance.
	FlowExtension string
}

// Parameter is a parameter of an [Operation].
type Parameter struct {
	Name, In    string // In is "path", "query", "header" or "cookie"
	Description string // CommonMark
	Required    bool   // in the path always
	Schema      any    // nil means a string
}

// Response is one answer of an [Operation].
type Response struct {
	Description string // empty means the status text
	Body        any    // nil means none that is described
	ContentType string // of Body; empty means "application/json"
}

// Schemer makes JSON Schemas (draft 2020-12) of Go values. What it calls
// definitions goes into the document's components/schemas under the same names,
// so a schema refers to one by "#/components/schemas/NAME". One name must always
// have the same content. It need not be safe for concurrent use.
type Schemer interface {
	Schema(v any) (schema json.RawMessage, definitions map[string]json.RawMessage, err error)
}

// Describer is a handler that describes itself. What [API.Handle] is given
// besides takes precedence.
type Describer interface {
	DescribeOperation() Operation
}

// or returns a copy of op, with what it leaves open filled in.
func (op Operation) or(other Operation) Operation {
	op.ID = cmp.Or(op.ID, other.ID)
	op.Summary = cmp.Or(op.Summary, other.Summary)
	op.Description = cmp.Or(op.Description, other.Description)
	op.FlowExtension = cmp.Or(op.FlowExtension, other.FlowExtension)
	op.Deprecated = op.Deprecated || other.Deprecated
	if op.Tags = slices.Clone(op.Tags); op.Tags == nil {
		op.Tags = other.Tags
	}
	if op.Methods = slices.Clone(op.Methods); op.Methods == nil {
		op.Methods = other.Methods
	}
	if op.Body == nil {
		op.Body, op.ContentType = other.Body, other.ContentType
	}
	op.Parameters = slices.Clone(op.Parameters)
	for _, p := range other.Parameters {
		if op.parameter(p.In, p.Name) == nil {
			op.Parameters = append(op.Parameters, p)
		}
	}
	responses := map[int]Response{}
	maps.Copy(responses, other.Responses)
	maps.Copy(responses, op.Responses)
	op.Responses = responses
	return op
}

func (op *Operation) parameter(in, name string) *Parameter {
	for i := range op.Parameters {
		if op.Parameters[i].In == in && op.Parameters[i].Name == name {
			return &op.Parameters[i]
		}
	}
	return nil
}

// check returns the first thing that is wrong with op for the pattern.
func (op *Operation) check(p pattern) error {
	for i, param := range op.Parameters {
		if err := param.check(p); err != nil {
			return err
		}
		if op.parameter(param.In, param.Name) != &op.Parameters[i] {
			return fmt.Errorf("the parameter %q is there twice: keep one", param.Name)
		}
	}
	for status := range op.Responses {
		if status < 100 || status > 599 {
			return fmt.Errorf("%d is no status: Responses has those from 100 to 599", status)
		}
	}
	if op.FlowExtension != "" && !strings.HasPrefix(op.FlowExtension, "x-") {
		return fmt.Errorf("Operation.FlowExtension %q: the name of an extension begins with x-", op.FlowExtension)
	}
	for i, method := range op.Methods {
		if slices.Contains(op.Methods[:i], method) {
			return fmt.Errorf("Operation.Methods has %s twice: keep one", method)
		}
		if !slices.Contains(documented, method) {
			return fmt.Errorf("Operation.Methods has %q: OpenAPI knows %s", method, strings.Join(documented, ", "))
		}
	}
	return nil
}

func (param *Parameter) check(p pattern) error {
	switch param.In {
	case "path":
		if !slices.ContainsFunc(p.wildcards, func(w wildcard) bool { return w.name == param.Name }) {
			return fmt.Errorf("the parameter %q is not in the path: correct its name or the pattern", param.Name)
		}
	case "header":
		switch strings.ToLower(param.Name) {
		case "accept", "authorization", "content-type": // the specification has them ignored
			return fmt.Errorf("the header %s is no parameter: what is to be said of it comes from the handler and ContentType", param.Name)
		}
	case "query", "cookie":
	default:
		return fmt.Errorf("the parameter %q is in %q: use path, query, header or cookie", param.Name, param.In)
	}
	if param.Name == "" {
		return fmt.Errorf("a parameter in %s has no name: give it one", param.In)
	}
	return nil
}

// withSchemas returns op with schemas in the place of its Go values.
func (op Operation) withSchemas(schema func(any) (any, error)) (_ Operation, err error) {
	if op.Body, err = schema(op.Body); err != nil {
		return op, err
	}
	for i := range op.Parameters {
		if op.Parameters[i].Schema, err = schema(op.Parameters[i].Schema); err != nil {
			return op, err
		}
	}
	for status, res := range op.Responses {
		if res.Body, err = schema(res.Body); err != nil {
			return op, err
		}
		op.Responses[status] = res
	}
	return op, nil
}

// object is what op says, without what a document needs besides.
func (op *Operation) object() *object {
	o := obj()
	if op.Tags != nil {
		o.set("tags", texts(op.Tags))
	}
	o.setText("summary", op.Summary)
	o.setText("description", op.Description)
	if op.Body != nil {
		o.set("requestBody", obj("required", true, "content", content(op.ContentType, op.Body)))
	}
	responses := obj()
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		responses.set(fmt.Sprint(status), op.Responses[status].object())
	}
	o.set("responses", responses)
	if op.Deprecated {
		o.set("deprecated", true)
	}
	return o
}

func (p *Parameter) object(name string) *object {
	o := obj("name", name, "in", p.In)
	o.setText("description", p.Description)
	if p.Required {
		o.set("required", true)
	}
	if p.Schema != nil {
		o.set("schema", p.Schema)
	}
	return o
}

func (r Response) object() *object {
	o := obj()
	o.setText("description", r.Description)
	if r.Body != nil {
		o.set("content", content(r.ContentType, r.Body))
	}
	return o
}

func content(contentType string, schema any) *object {
	return obj(cmp.Or(contentType, "application/json"), obj("schema", schema))
}
