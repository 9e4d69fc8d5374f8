package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"
)

// object is a JSON object whose members keep their order, so that a document
// reads as it was written and comes out the same each time. Its values are
// *object, []any, string, json.Number, bool and nil.
type object struct {
	names  []string
	values map[string]any
}

// obj makes an object of names and values by turns.
func obj(pairs ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// get returns nil for a member that is not there, also of a nil object.
func (o *object) get(name string) any {
	if o == nil {
		return nil
	}
	return o.values[name]
}

func (o *object) has(name string) bool {
	if o == nil {
		return false
	}
	_, ok := o.values[name]
	return ok
}

func (o *object) object(name string) *object {
	member, _ := o.get(name).(*object)
	return member
}

func (o *object) set(name string, value any) {
	if !o.has(name) {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

// setText sets a member that is left out when it is empty.
func (o *object) setText(name, value string) {
	if value != "" {
		o.set(name, value)
	}
}

// fill adds the members of other that o does not have.
func (o *object) fill(other *object, except ...string) {
	if other == nil {
		return
	}
	for _, name := range other.names {
		if !o.has(name) && !slices.Contains(except, name) {
			o.set(name, other.values[name])
		}
	}
}

// inOrder returns o with the members named first, in that order.
func (o *object) inOrder(names ...string) *object {
	ordered := obj()
	for _, name := range names {
		if o.has(name) {
			ordered.set(name, o.values[name])
		}
	}
	ordered.fill(o)
	return ordered
}

// equal compares JSON values; the order of an object's members does not count.
func equal(a, b any) bool { return reflect.DeepEqual(unordered(a), unordered(b)) }

func unordered(v any) any {
	switch v := v.(type) {
	case *object:
		members := make(map[string]any, len(v.names))
		for name, value := range v.values {
			members[name] = unordered(value)
		}
		return members
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = unordered(v[i])
		}
		return items
	}
	return v
}

func encode(v any) []byte { return appendJSON(nil, v) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case *object:
		b = append(b, '{')
		for i, name := range v.names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSON(b, name), ':')
			b = appendJSON(b, v.values[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, v[i])
		}
		return append(b, ']')
	}
	leaf, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return append(b, leaf...)
}

// decode is strict where encoding/json is not: two readers of a document must
// not see two different ones, so a member may not be there twice.
func decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	var checked json.RawMessage
	if err := json.Unmarshal(text, &checked); err != nil { // also what is nested too deeply
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return decodeValue(d)
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeObject(d)
	case json.Delim('['):
		return decodeArray(d)
	}
	return token, nil
}

func decodeObject(d *json.Decoder) (*object, error) {
	o := obj()
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string)
		if o.has(name) {
			return nil, fmt.Errorf("the member %q is there twice in one object", name)
		}
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		o.set(name, value)
	}
	_, err := d.Token()
	return o, err
}

func decodeArray(d *json.Decoder) ([]any, error) {
	items := []any{}
	for d.More() {
		item, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.Token()
	return items, err
}

// texts returns strings as JSON values.
func texts(names []string) []any {
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = name
	}
	return values
}
