// Package swaggestschema makes schemas of Go types for package openapi, with the
// reflector of github.com/swaggest/jsonschema-go, which github.com/swaggest/openapi-go
// is built on:
//
//	api := openapi.New("Items", "1.0", &openapi.Options{Schemas: swaggestschema.New(nil)})
//
// A schema tells what encoding/json writes of the type. Types say more about
// themselves by that library's interfaces (Enum, Preparer, Exposer and others) and
// field tags (required, description, minLength and others). One that has a
// MarshalJSON method and none of the interfaces may be any JSON value.
package swaggestschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"

	"github.com/swaggest/jsonschema-go"

	"github.com/passbearer/passbearer/openapi"
)

// Schemer makes schemas of Go types. Make it with [New]. It is safe for
// concurrent use.
type Schemer struct {
	mu        sync.Mutex // a Reflector changes itself
	reflector *jsonschema.Reflector
	structs   map[*jsonschema.Schema]map[string]reflect.StructField // by the schema being made, the fields that encoding/json writes
}

var _ openapi.Schemer = (*Schemer)(nil)

// New returns a Schemer that uses r with its type mappings, inlined types and
// options; nil means a new one. Of an openapi-go reflector that is what its
// JSONSchemaReflector method returns. From then on r is the Schemer's: nothing else
// may use it.
func New(r *jsonschema.Reflector) *Schemer {
	if r == nil {
		r = new(jsonschema.Reflector)
	}
	s := &Schemer{reflector: r}
	r.DefaultOptions = append([]func(*jsonschema.ReflectContext){ // first, so that r's own have the last word
		jsonschema.ProcessWithoutTags,
		jsonschema.SkipEmbeddedMapsSlices,
		jsonschema.RootRef, // else a type that has itself in it refers to "#", which is the whole document
		jsonschema.InterceptDefName(func(t reflect.Type, _ string) string { return componentName(t.String()) }),
		jsonschema.InterceptSchema(s.schema),
		jsonschema.InterceptProp(s.property),
	}, r.DefaultOptions...)
	return s
}

// Schema returns the schema of v's type, and by name those that it refers to
// below "#/components/schemas/". The type Item of package items is called ItemsItem
// there, and Item if the package is main; the second type of a name is called
// ItemsItemType2. What v holds does not matter, unless its type has one of the
// library's interfaces. The schema admits null wherever encoding/json writes it, but
// not in the place of v itself: send an empty slice there and not a nil one.
//
// The error is for a type that encoding/json cannot write, such as a function,
// or comes from one of the library's interfaces.
func (s *Schemer) Schema(v any) (schema json.RawMessage, definitions map[string]json.RawMessage, err error) {
	if v == nil {
		return nil, nil, errors.New("swaggestschema: nil has no type: give a value of the type, such as item{}")
	}
	root, found, err := s.reflect(sample(v))
	if err != nil {
		return nil, nil, fmt.Errorf("swaggestschema: %T: %w", v, err)
	}
	definitions = make(map[string]json.RawMessage, len(found))
	for name, definition := range found {
		if definitions[name], err = json.Marshal(definition); err != nil {
			return nil, nil, fmt.Errorf("swaggestschema: %T: %s: %w", v, name, err)
		}
	}
	schema, err = json.Marshal(root)
	return schema, definitions, err
}

func (s *Schemer) reflect(v any) (root jsonschema.Schema, found map[string]jsonschema.Schema, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.structs = make(map[*jsonschema.Schema]map[string]reflect.StructField)
	found = make(map[string]jsonschema.Schema)
	root, err = s.reflector.Reflect(v,
		jsonschema.DefinitionsPrefix("#/components/schemas/"),
		jsonschema.CollectDefinitions(func(name string, definition jsonschema.Schema) {
			if t := definition.ReflectType; t != nil && !tellsItself(t) {
				dropNull(&definition) // the reflector adds it where a slice is a field
			}
			found[name] = definition
		}))
	return root, found, err
}

// sample returns what the reflector is given for v. It would look into maps and
// slices, and take the type of any one element for that of all.
func sample(v any) any {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	t := indirect(value.Type())
	if value.Type() == t && tellsItself(t) {
		return value.Interface()
	}
	return reflect.Zero(t).Interface()
}

// schema is called before the reflector looks into a type, and after.
func (s *Schemer) schema(p jsonschema.InterceptSchemaParams) (stop bool, err error) {
	t := indirect(p.Value.Type())
	if p.Processed {
		dropNull(p.Schema) // null is for the one place that refers to the type
		addNullElements(p.Schema, t)
		addFormat(p.Schema, t)
		return false, nil
	}
	if tellsItself(t) {
		return false, nil
	}
	if fill(p.Schema, t) {
		return true, nil
	}
	if t.Kind() == reflect.Struct {
		s.structs[p.Schema], err = jsonFields(t)
	}
	return false, err
}

// property is called before the reflector looks into a field, and after.
func (s *Schemer) property(p jsonschema.InterceptPropParams) error {
	if !p.Processed {
		written, known := s.structs[p.ParentSchema]
		if f := written[p.Name]; known && (f.Type != p.Field.Type || f.Tag != p.Field.Tag) {
			forgetRequired(p)
			return jsonschema.ErrSkipProperty // another field has the name
		}
		return nil
	}
	o, nullable := tagOptions(p.Field), p.Field.Tag.Get("nullable") // the library's tag
	if o.quoted && isQuoted(p.Field.Type) {
		quote(p.PropertySchema)
	}
	switch {
	case nullable == "true", nullable == "" && writesNull(p.Field.Type) && !o.omitted:
		addNull(p.PropertySchema)
	case !tellsItself(p.Field.Type):
		dropNull(p.PropertySchema)
	}
	return nil
}

// forgetRequired takes back what the reflector has just said of the field.
func forgetRequired(p jsonschema.InterceptPropParams) {
	if required, _ := strconv.ParseBool(p.Field.Tag.Get("required")); required {
		names := p.ParentSchema.Required
		p.ParentSchema.Required = names[:len(names)-1]
	}
}
