package swaggestschema

import (
	"reflect"
	"slices"

	"github.com/swaggest/jsonschema-go"
)

// fill makes the whole schema of a type that encoding/json does not write as the
// reflector thinks. It reports false if t isn't such a type.
func fill(s *jsonschema.Schema, t reflect.Type) bool {
	switch {
	case slices.Contains(wellKnown, t):
		return false
	case has(t, jsonMarshaler):
		s.Type = nil
	case has(t, textMarshaler):
		if has(t, textUnmarshaler) {
			return false
		}
		setTypes(s, jsonschema.String)
	case t == jsonNumber:
		setTypes(s, jsonschema.Number)
	case isBytes(t):
		setTypes(s, jsonschema.String)
		s.WithContentEncoding("base64") // format: byte was OpenAPI 3.0's
	default:
		return false
	}
	return true
}

// formats of numbers in the OpenAPI format registry.
var formats = map[reflect.Kind]string{
	reflect.Int32: "int32", reflect.Int64: "int64", reflect.Float32: "float", reflect.Float64: "double",
}

func addFormat(s *jsonschema.Schema, t reflect.Type) {
	if format := formats[t.Kind()]; format != "" && (s.HasType(jsonschema.Integer) || s.HasType(jsonschema.Number)) {
		s.WithFormat(format)
	}
}

// addNullElements makes s, the schema of t, admit null for the elements that may be.
func addNullElements(s *jsonschema.Schema, t reflect.Type) {
	element := s.AdditionalProperties
	if s.Items != nil {
		element = s.Items.SchemaOrBool
	}
	if element == nil || element.TypeObject == nil {
		return
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		if writesNull(t.Elem()) {
			addNull(element.TypeObject)
		}
	}
}

// addNull makes s admit null.
func addNull(s *jsonschema.Schema) {
	dropNull(s) // the reflector may have added it, in another place
	if s.Ref != nil || s.AnyOf != nil || s.OneOf != nil || s.AllOf != nil || s.Const != nil {
		place, value := split(*s)
		*s = *place.WithAnyOf(value.ToSchemaOrBool(), jsonschema.Null.ToSchemaOrBool())
		return
	}
	if s.Type != nil {
		setTypes(s, append(types(s), jsonschema.Null)...)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, nil) {
		s.Enum = append(slices.Clip(s.Enum), nil)
	}
}

func dropNull(s *jsonschema.Schema) {
	rest := slices.DeleteFunc(types(s), func(t jsonschema.SimpleType) bool { return t == jsonschema.Null })
	setTypes(s, rest...)
}

// quote makes s, the schema of a scalar, that of a string which has it in it.
func quote(s *jsonschema.Schema) {
	*s, _ = split(*s)
	s.Default, s.Examples = nil, nil
	setTypes(s, jsonschema.String)
}

// split takes s apart into what it says of the place where the value is, and of the value.
func split(s jsonschema.Schema) (place, value jsonschema.Schema) {
	place = jsonschema.Schema{Title: s.Title, Description: s.Description, Default: s.Default, Examples: s.Examples,
		ReadOnly: s.ReadOnly, WriteOnly: s.WriteOnly, Deprecated: s.Deprecated}
	s.Title, s.Description, s.Default, s.Examples = nil, nil, nil, nil
	s.ReadOnly, s.WriteOnly, s.Deprecated = nil, nil, nil
	return place, s
}

func types(s *jsonschema.Schema) []jsonschema.SimpleType {
	if s.Type == nil {
		return nil
	}
	if s.Type.SimpleTypes != nil {
		return []jsonschema.SimpleType{*s.Type.SimpleTypes}
	}
	return slices.Clone(s.Type.SliceOfSimpleTypeValues)
}

// setTypes gives s a Type of its own: one that it got from the reflector may also
// be another schema's.
func setTypes(s *jsonschema.Schema, all ...jsonschema.SimpleType) {
	switch len(all) {
	case 0:
		s.Type = nil
	case 1:
		s.Type = &jsonschema.Type{SimpleTypes: &all[0]}
	default:
		s.Type = &jsonschema.Type{SliceOfSimpleTypeValues: all}
	}
}
