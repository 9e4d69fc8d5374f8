package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// schema returns v's schema, and keeps the definitions that it refers to.
func (a *API) schema(v any) (any, error) {
	var text json.RawMessage
	var definitions map[string]json.RawMessage
	switch v := v.(type) {
	case nil, *object:
		return v, nil
	case json.RawMessage:
		text = v
	default:
		if a.opts.Schemas == nil {
			return nil, fmt.Errorf("a %T needs a schema: set Options.Schemas to an adapter such as that of openapi/swaggestschema, or give a json.RawMessage that is the schema", v)
		}
		var err error
		if text, definitions, err = a.opts.Schemas.Schema(v); err != nil {
			return nil, fmt.Errorf("the schema of a %T: %w", v, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		if err := a.define(name, definitions[name]); err != nil {
			return nil, err
		}
	}
	return decodeSchema(text)
}

func (a *API) define(name string, text json.RawMessage) error {
	if !componentName.MatchString(name) {
		return fmt.Errorf("the Schemer's definition %q has a name that no component can have", name)
	}
	definition, err := decodeSchema(text)
	if err != nil {
		return err
	}
	if known, ok := a.routes.definitions[name]; ok && !equal(known, definition) {
		return fmt.Errorf("the Schemer has two different definitions of the name %q", name)
	}
	a.routes.definitions[name] = definition
	return nil
}

func decodeSchema(text json.RawMessage) (any, error) {
	v, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("the schema %s is not JSON: %w", text, err)
	}
	switch v.(type) {
	case *object, bool:
		return v, nil
	}
	return nil, fmt.Errorf("the schema %s is neither an object nor a boolean", text)
}
