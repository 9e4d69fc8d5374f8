package swaggestschema

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/swaggest/jsonschema-go"
)

var (
	jsonNumber      = reflect.TypeFor[json.Number]()
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	virtualStruct   = reflect.TypeFor[jsonschema.Struct]()

	// ownWords are the library's interfaces by which a type tells its schema.
	ownWords = []reflect.Type{
		reflect.TypeFor[jsonschema.Exposer](), reflect.TypeFor[jsonschema.RawExposer](), reflect.TypeFor[jsonschema.Preparer](),
		reflect.TypeFor[jsonschema.Enum](), reflect.TypeFor[jsonschema.NamedEnum](), reflect.TypeFor[jsonschema.NotExposer](),
		reflect.TypeFor[jsonschema.OneOfExposer](), reflect.TypeFor[jsonschema.AnyOfExposer](), reflect.TypeFor[jsonschema.AllOfExposer](),
		reflect.TypeFor[jsonschema.IfExposer](), reflect.TypeFor[jsonschema.ThenExposer](), reflect.TypeFor[jsonschema.ElseExposer](),
	}

	// wellKnown have a MarshalJSON method, and the reflector knows what it writes.
	wellKnown = []reflect.Type{reflect.TypeFor[time.Time](), reflect.TypeFor[jsonschema.Date](), reflect.TypeFor[json.RawMessage]()}
)

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// has reports whether t or *t implements i: which of them encoding/json asks
// depends on where the value is.
func has(t, i reflect.Type) bool {
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}

func tellsItself(t reflect.Type) bool {
	t = indirect(t)
	return t == virtualStruct || slices.ContainsFunc(ownWords, func(i reflect.Type) bool { return has(t, i) })
}

func marshalsItself(t reflect.Type) bool {
	return has(t, jsonMarshaler) || has(t, textMarshaler)
}

// isBytes reports whether encoding/json writes t in base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !marshalsItself(t.Elem())
}

// writesNull reports whether encoding/json writes the zero value of t as null.
func writesNull(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return true
	case reflect.Slice, reflect.Map:
		return !marshalsItself(t)
	}
	return false
}

// isQuoted reports whether encoding/json heeds the option string on a field of t.
func isQuoted(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return (reflect.Bool <= k && k <= reflect.Float64 || k == reflect.String) && !marshalsItself(t)
}
