package swaggestschema_test

import (
	"encoding/json"
	"math/big"
	"math/rand"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/quick"
	"time"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"github.com/swaggest/jsonschema-go"

	"github.com/passbearer/passbearer/openapi/swaggestschema"
	one "github.com/passbearer/passbearer/openapi/swaggestschema/testdata/one/items"
	two "github.com/passbearer/passbearer/openapi/swaggestschema/testdata/two/items"
)

// document is where a schema and its definitions go.
type document struct {
	Root       json.RawMessage `json:"root"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func schemaOf(t *testing.T, s *swaggestschema.Schemer, v any) (d document) {
	t.Helper()
	var err error
	d.Root, d.Components.Schemas, err = s.Schema(v)
	require.NoError(t, err)
	return d
}

// check validates JSON texts by JSON Schema 2020-12, which OpenAPI 3.1's is.
func (d document) check(t *testing.T) func(text string) error {
	t.Helper()
	whole, err := json.Marshal(d)
	require.NoError(t, err)
	doc := decode(t, string(whole))
	c := validator.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	require.NoError(t, c.AddResource("mem:openapi.json", doc))
	schema, err := c.Compile("mem:openapi.json#/root")
	require.NoError(t, err, "%s", whole)
	return func(text string) error { return schema.Validate(decode(t, text)) }
}

func decode(t *testing.T, text string) any {
	t.Helper()
	v, err := validator.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err, text)
	return v
}

func ptr[T any](v T) *T { return &v }

const (
	item   = `"ItemsItem": {"type": "object", "properties": {"number": {"type": "integer"}}}`
	ref    = `{"$ref": "#/components/schemas/`
	orNull = `"}, {"type": "null"}]}`
)

var rows = []struct {
	name    string
	values  []any  // encoding/json writes all of them so that they fit the schema of the first
	want    string // the definitions; their names are without this package's
	refused string // what does not fit, one JSON text a line
}{
	{"recursive", []any{Tree{}, Tree{Left: &Tree{}, Children: []*Tree{nil, {Name: "x"}}, ByName: map[string]*Tree{"x": nil, "y": {}}}}, `
		"Tree": {"type": "object", "required": ["name"], "properties": {
			"name":     {"type": "string"},
			"left":     {"anyOf": [` + ref + `Tree` + orNull + `,
			"children": {"type": ["array", "null"], "items": {"anyOf": [` + ref + `Tree` + orNull + `},
			"byName":   {"type": "object", "additionalProperties": {"anyOf": [` + ref + `Tree` + orNull + `}}}`,
		`{}
		null
		{"name": "x", "left": {"name": 1}}
		{"name": "x", "left": 1}
		{"name": "x", "byName": null}`},
	{"recursive slice", []any{List{}, List{nil, {}, {nil}}}, `
		"List": {"type": "array", "items": {"anyOf": [` + ref + `List` + orNull + `}`,
		`[1]
		[[[1]]]`},
	{"recursive map", []any{Graph{}, Graph{"x": nil, "y": {"z": nil}}}, `
		"Graph": {"type": "object", "additionalProperties": {"anyOf": [` + ref + `Graph` + orNull + `}`,
		`{"x": 1}`},
	{"recursive together", []any{Even{}, Even{&Odd{&Even{}}}}, `
		"Even": {"type": "object", "properties": {"Next": {"anyOf": [` + ref + `Odd` + orNull + `}},
		"Odd":  {"type": "object", "properties": {"Next": {"anyOf": [` + ref + `Even` + orNull + `}}`,
		`{"Next": {"Next": 1}}`},
	{"pointers", []any{Pointers{Never: ptr("")}, Pointers{ptr(""), ptr(""), ptr(0), ptr(ptr(true)), &one.Item{}, one.Item{}, ptr(""), ""}}, `
		` + item + `,
		"Pointers": {"type": "object", "properties": {
			"text":    {"type": ["string", "null"]},
			"omitted": {"type": "string"},
			"zero":    {"type": "integer"},
			"twice":   {"type": ["boolean", "null"]},
			"struct":  {"description": "What it is", "anyOf": [` + ref + `ItemsItem` + orNull + `,
			"plain":   ` + ref + `ItemsItem"},
			"never":   {"type": "string"},
			"always":  {"type": ["string", "null"]}}}`,
		`{"plain": null}
		{"struct": {"number": "x"}}
		{"omitted": null}
		{"zero": null}
		{"never": null}`},
	{"lists", []any{Lists{}, Lists{[]string{}, []one.Item{{}}, []string{"x"}, []string{}, [2]int{1, 2}, [][]int{nil, {1}}, Names{"x"}, &Names{"x"}}, Lists{More: new(Names)}}, `
		` + item + `,
		"Names": {"type": "array", "items": {"type": "string"}},
		"Lists": {"type": "object", "properties": {
			"slice":   {"type": ["array", "null"], "items": {"type": "string"}},
			"structs": {"type": ["array", "null"], "items": ` + ref + `ItemsItem"}},
			"omitted": {"type": "array", "items": {"type": "string"}},
			"zero":    {"type": "array", "items": {"type": "string"}},
			"array":   {"type": "array", "items": {"type": "integer"}},
			"nested":  {"type": ["array", "null"], "items": {"type": ["array", "null"], "items": {"type": "integer"}}},
			"names":   {"anyOf": [` + ref + `Names` + orNull + `,
			"more":    {"anyOf": [` + ref + `Names` + orNull + `}}`,
		`{"array": null}
		{"structs": [null]}
		{"nested": [["x"]]}
		{"zero": null}`},
	{"maps", []any{Maps{}, Maps{map[string]float64{"x": 1.5}, map[string]bool{"x": true}, map[int][]*int32{1: nil, 2: {nil, ptr(int32(1))}}, map[Text]bool{{"x"}: true}, map[string]any{"x": nil, "y": "z"}}}, `
		"Maps": {"type": "object", "properties": {
			"map":     {"type": ["object", "null"], "additionalProperties": {"type": "number", "format": "double"}},
			"omitted": {"type": "object", "additionalProperties": {"type": "boolean"}},
			"numbers": {"type": ["object", "null"], "additionalProperties": {"type": ["array", "null"], "items": {"type": ["integer", "null"], "format": "int32"}}},
			"texts":   {"type": ["object", "null"], "additionalProperties": {"type": "boolean"}},
			"anys":    {"type": ["object", "null"], "additionalProperties": {}}}}`,
		`{"map": {"x": "y"}}
		{"map": {"x": null}}
		{"numbers": {"1": ["x"]}}`},
	{"bytes", []any{Bytes{}, Bytes{[]byte("\xff\x00?"), []byte("x"), Blob("x"), []Letter{1}, [2]byte{1, 2}, [][]byte{nil, {}}, []Bit{1}}}, `
		"Bytes": {"type": "object", "properties": {
			"plain":   {"type": ["string", "null"], "contentEncoding": "base64"},
			"omitted": {"type": "string", "contentEncoding": "base64"},
			"named":   {"type": ["string", "null"], "contentEncoding": "base64"},
			"letters": {"type": ["string", "null"], "contentEncoding": "base64"},
			"array":   {"type": "array", "items": {"type": "integer", "minimum": 0}},
			"many":    {"type": ["array", "null"], "items": {"type": ["string", "null"], "contentEncoding": "base64"}},
			"bits":    {"type": ["array", "null"], "items": {"type": "string"}}}}`,
		`{"plain": "*"}
		{"plain": [1]}
		{"array": "AQI="}`},
	{"numbers", []any{Numbers{}, Numbers{-1, -1, -1, 1, -1.5, 1e300, time.Second, "1e3"}}, `
		"TimeDuration": {"type": "integer", "format": "int64"},
		"Numbers": {"type": "object", "properties": {
			"Int":    {"type": "integer"},
			"Int32":  {"type": "integer", "format": "int32"},
			"Int64":  {"type": "integer", "format": "int64"},
			"Uint":   {"type": "integer", "minimum": 0},
			"F32":    {"type": "number", "format": "float"},
			"F64":    {"type": "number", "format": "double"},
			"Wait":   ` + ref + `TimeDuration"},
			"Number": {"type": "number"}}}`,
		`{"Int": 1.5}
		{"Uint": -1}
		{"Number": "1"}`},
	{"tags", []any{Tags{Renamed: "xy"}, Tags{1, nil, true, "xyz", 1, ptr(true), "x", time.Second, []int{1}, 1, 1}}, `
		"TimeDuration": {"type": "integer", "format": "int64"}, "Level": {},
		"Tags": {"type": "object", "required": ["renamed"], "properties": {
			"-":       {"type": "integer"},
			"Plain":   {"type": "boolean"},
			"renamed": {"type": "string", "minLength": 2, "description": "Two letters or more"},
			"number":  {"type": "string"},
			"flag":    {"type": ["string", "null"]},
			"quoted":  {"type": "string"},
			"wait":    {"type": "string"},
			"slice":   {"type": ["array", "null"], "items": {"type": "integer"}},
			"level":   ` + ref + `Level"}}}`,
		`{}
		{"renamed": "x"}
		{"renamed": "xy", "number": 1}
		{"renamed": "xy", "flag": true}
		{"renamed": "xy", "slice": ["1"]}`},
	{"embedded", []any{Outer{}, Outer{[]int{1}, Base{1, "x", 1}, &Other{"x", "x"}, inner{"x"}, Base{1, "x", 1}, Names{"x"}}}, `
		"Base":  {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "kind": {"type": "integer"}}},
		"Names": {"type": "array", "items": {"type": "string"}},
		"Outer": {"type": "object", "properties": {
			"id":    {"type": "integer"},
			"name":  {"type": ["array", "null"], "items": {"type": "integer"}},
			"note":  {"type": "string"},
			"Inner": {"type": "string"},
			"base":  ` + ref + `Base"},
			"Names": {"anyOf": [` + ref + `Names` + orNull + `}}`,
		`{"name": "x"}
		{"id": "x"}
		{"Inner": 1}
		{"note": 1}`},
	{"embedded, one has a tag", []any{Tagged{}, Tagged{Tagged1{1}, Tagged2{"x"}}}, `
		"Tagged": {"type": "object", "properties": {"Note": {"type": "string"}}}`,
		`{"Note": 1}`},
	{"embedded, one is nearer", []any{Nearer{ID: 1, Required: &Required{}}, Nearer{1, 1, Base{1, "x", 1}, Tagged2{"x"}, &Required{"x", "x", "x", "x"}}}, `
		"Nearer": {"type": "object", "required": ["id", "Text"], "properties": {
			"Note": {"type": "integer"},
			"id":   {"type": "integer", "minimum": 1},
			"name": {"type": "string"},
			"Text": {"type": "string"}}}`,
		`{"id": 1}
		{"id": 1, "Text": "", "Note": "x"}
		{"id": 0, "Text": ""}`},
	{"anything", []any{Anything{}, Anything{json.RawMessage(`[1]`), ptr(json.RawMessage(`{}`)), 1, time.UTC, Price{1}, big.NewInt(1), Stamped{Note: "x"}}}, `
		"FmtStringer": {}, "Price": {}, "BigInt": {}, "Stamped": {},
		"Anything": {"type": "object", "properties": {
			"raw": {}, "pointer": {}, "any": {},
			"named":   ` + ref + `FmtStringer"},
			"price":   ` + ref + `Price"},
			"big":     {"anyOf": [` + ref + `BigInt` + orNull + `,
			"stamped": ` + ref + `Stamped"}}}`,
		`1`},
	{"texts", []any{Texts{}, Texts{time.Unix(0, 1), ptr(time.Now()), netip.IPv6Loopback(), Text{"x"}, new(netip.Addr), net.IPv4zero, Zone{"x"}}}, `
		"Texts": {"type": "object", "properties": {
			"time": {"type": "string", "format": "date-time"},
			"then": {"type": ["string", "null"], "format": "date-time"},
			"addr": {"type": "string"},
			"only": {"type": "string"},
			"or":   {"type": ["string", "null"]},
			"ip":   {"type": "string"},
			"zone": {"type": "string", "description": "A time zone"}}}`,
		`{"time": "yesterday"}
		{"time": null}
		{"then": 1}
		{"addr": 1}
		{"only": {}}`},
	{"enums", []any{Enums{One: "red", Size: 1}, Enums{"green", []Colour{"red"}, ptr(Colour("red")), ptr("a"), 2, ptr("x")}}, `
		"Colour": {"type": "string", "enum": ["red", "green"]},
		"Size":   {"type": "integer", "enum": [1, 2], "x-enum-names": ["small", "large"]},
		"Enums":  {"type": "object", "properties": {
			"one":  ` + ref + `Colour"},
			"some": {"type": ["array", "null"], "items": ` + ref + `Colour"}},
			"or":   {"anyOf": [` + ref + `Colour` + orNull + `,
			"tag":  {"type": ["string", "null"], "enum": ["a", "b", null]},
			"size": ` + ref + `Size"},
			"only": {"anyOf": [{"type": "string", "const": "x"}, {"type": "null"}]}}}`,
		`{"one": "blue"}
		{"one": null}
		{"some": ["blue"]}
		{"or": "blue"}
		{"tag": "c"}
		{"size": 3}
		{"only": "y"}`},
	{"schema of its own", []any{Maybes{Code: "A"}, Maybes{Maybe{ptr("x")}, &Maybe{ptr("x")}, []Maybe{{}, {ptr("x")}}, ptr(Code("A")), "A"}}, `
		"Code":   {"type": "string", "pattern": "^[A-Z]"},
		"Maybes": {"type": "object", "properties": {
			"plain":   {"type": ["string", "null"]},
			"pointer": {"type": ["string", "null"]},
			"some":    {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
			"coded":   {"anyOf": [` + ref + `Code` + orNull + `,
			"code":    ` + ref + `Code"}}}`,
		`{"plain": 1}
		{"code": "a"}
		{"code": null}`},
	{"one of", []any{Shape{Circle{1}}, Shape{Square{1}}}, `
		"Circle": {"type": "object", "required": ["Radius"], "properties": {"Radius": {"type": "integer"}}},
		"Square": {"type": "object", "required": ["Side"], "properties": {"Side": {"type": "integer"}}},
		"Shape":  {"type": "object", "oneOf": [` + ref + `Circle"}, ` + ref + `Square"}]}`,
		`{}
		{"Radius": 1, "Side": 1}`},
	{"generic", []any{Page[one.Item]{}, Page[one.Item]{[]one.Item{{}}, &Page[one.Item]{}}}, `
		` + item + `,
		"PageItemsItem": {"type": "object", "properties": {
			"items": {"type": ["array", "null"], "items": ` + ref + `ItemsItem"}},
			"next":  {"anyOf": [` + ref + `PageItemsItem` + orNull + `}}`,
		`{"items": [{"number": "x"}]}
		{"next": {"items": [1]}}`},
	{"generic of generics", []any{Pair[Page[string], map[string][]*one.Item]{}}, `
		` + item + `,
		"PageString": {"type": "object", "properties": {
			"items": {"type": ["array", "null"], "items": {"type": "string"}},
			"next":  {"anyOf": [` + ref + `PageString` + orNull + `}},
		"PairPageStringMapStringListPointerItemsItem": {"type": "object", "properties": {
			"A": ` + ref + `PageString"},
			"B": {"type": ["object", "null"], "additionalProperties": {"type": ["array", "null"], "items": {"anyOf": [` + ref + `ItemsItem` + orNull + `}}}}`,
		`{"A": null}
		{"B": {"x": [1]}}`},
	{"one name, two packages", []any{Both{}, Both{one.Item{Number: 1}, two.Item{Name: "x"}}}, `
		` + item + `,
		"ItemsItemType2": {"type": "object", "properties": {"name": {"type": "string"}}},
		"Both": {"type": "object", "properties": {
			"one": ` + ref + `ItemsItem"},
			"two": ` + ref + `ItemsItemType2"}}}`,
		`{"one": {"number": "x"}}
		{"two": {"name": 1}}`},
	{"other letters in a name", []any{Pair[snake_case, Größe]{}}, `
		"SnakeCase": {"type": "object", "properties": {"X": {"type": "integer"}}},
		"GrE":       {"type": "object", "properties": {"X": {"type": "integer"}}},
		"PairSnakeCaseGrE": {"type": "object", "properties": {
			"A": ` + ref + `SnakeCase"},
			"B": ` + ref + `GrE"}}}`,
		`{"A": {"X": "x"}}`},
}

const ownPackage = "SwaggestschemaTest"

var validName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

func TestSchema(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d := schemaOf(t, swaggestschema.New(nil), row.values[0])
			definitions, err := json.Marshal(d.Components.Schemas)
			require.NoError(t, err)
			require.JSONEq(t, "{"+row.want+"}", strings.ReplaceAll(string(definitions), ownPackage, ""))
			for name := range d.Components.Schemas {
				require.Regexp(t, validName, name)
			}
			check := d.check(t)
			for _, v := range row.values {
				text, err := json.Marshal(v)
				require.NoError(t, err)
				require.NoError(t, check(string(text)), "%s", text)
			}
			for text := range strings.Lines(row.refused) {
				require.Error(t, check(text), text)
			}
		})
	}
}

func TestRoot(t *testing.T) {
	const itemRef = ref + `ItemsItem"}`
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"struct", one.Item{}, itemRef},
		{"pointer", &one.Item{}, itemRef},
		{"nil pointer", (*one.Item)(nil), itemRef},
		{"slice", []one.Item{}, `{"type": "array", "items": ` + itemRef + `}`},
		{"slice of pointers", []*one.Item{{}}, `{"type": "array", "items": {"anyOf": [` + ref + `ItemsItem` + orNull + `}`},
		{"pointer to slice", &[]string{}, `{"type": "array", "items": {"type": "string"}}`},
		{"map", map[string]bool{}, `{"type": "object", "additionalProperties": {"type": "boolean"}}`},
		{"map's content does not matter", map[string]any{"x": 1, "y": ""}, `{"type": "object", "additionalProperties": {}}`},
		{"slice's content does not matter", []any{1, ""}, `{"type": "array", "items": {}}`},
		{"scalar", "", `{"type": "string"}`},
		{"time", time.Time{}, `{"type": "string", "format": "date-time"}`},
		{"bytes", []byte{}, `{"type": "string", "contentEncoding": "base64"}`},
		{"without a name", struct{ X *int }{}, `{"type": "object", "properties": {"X": {"type": ["integer", "null"]}}}`},
		{"of the library's", jsonschema.AnyOf(1, ""), `{"anyOf": [{"type": "integer"}, {"type": "string"}]}`},
		{"struct of the library's", jsonschema.Struct{DefName: "Made", Fields: []jsonschema.Field{{Name: "X", Value: 1}}}, ref + `Made"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := schemaOf(t, swaggestschema.New(nil), tt.v)
			require.JSONEq(t, tt.want, string(d.Root))
			d.check(t) // it compiles
		})
	}
}

// A name stands for the same schema wherever the type is found first.
func TestDefinitionsAgree(t *testing.T) {
	s := swaggestschema.New(nil)
	seen := make(map[string]string)
	for range 2 {
		for _, row := range rows {
			for name, definition := range schemaOf(t, s, row.values[0]).Components.Schemas {
				if before, ok := seen[name]; ok {
					require.Equal(t, before, string(definition), "%s in %s", name, row.name)
				}
				seen[name] = string(definition)
			}
		}
	}
}

// Whatever values the fields have, encoding/json writes what the schema says.
func TestRandomValues(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, v := range []any{Tree{}, Lists{}, Bytes{}, Page[map[string]*[]int]{}, Pair[Names, *Names]{}, Pair[[]Blob, Tagged]{}, Pair[map[string]Base, []*Other]{}} {
		typ := reflect.TypeOf(v)
		check := schemaOf(t, swaggestschema.New(nil), v).check(t)
		for range 50 {
			value, ok := quick.Value(typ, random)
			require.True(t, ok)
			text, err := json.Marshal(value.Interface())
			require.NoError(t, err)
			if string(text) != "null" {
				require.NoError(t, check(string(text)), "%s", text)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	s, want := swaggestschema.New(nil), make(map[string]document)
	for _, row := range rows {
		want[row.name] = schemaOf(t, swaggestschema.New(nil), row.values[0])
	}
	var all sync.WaitGroup
	for _, row := range rows {
		if row.name == "one name, two packages" {
			continue // the order decides who is called ItemsItem
		}
		for range 8 {
			all.Go(func() {
				schema, definitions, err := s.Schema(row.values[0])
				if err != nil || !reflect.DeepEqual(want[row.name].Root, schema) || !reflect.DeepEqual(want[row.name].Components.Schemas, definitions) {
					t.Errorf("%s: %s %s %v", row.name, schema, definitions, err)
				}
			})
		}
	}
	all.Wait()
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"nil", nil, "swaggestschema: nil has no type: give a value of the type, such as item{}"},
		{"function", func() {}, "swaggestschema: func(): : type is not supported: func()"},
		{"channel in a field", struct{ C chan int }{}, "swaggestschema: struct { C chan int }: C: type is not supported: chan int"},
		{"embeds itself", Endless{}, "swaggestschema: swaggestschema_test.Endless: swaggestschema_test.Endless embeds itself"},
		{"own error", []Failed{}, "swaggestschema: []swaggestschema_test.Failed: no schema"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := swaggestschema.New(nil).Schema(tt.v)
			require.EqualError(t, err, tt.want)
		})
	}
	_, _, err := swaggestschema.New(nil).Schema(Failed{})
	require.ErrorIs(t, err, errFailed)
}

func TestReflectorsOwnSettings(t *testing.T) {
	r := new(jsonschema.Reflector)
	r.AddTypeMapping(Price{}, "")
	r.InlineDefinition(Shape{})
	r.DefaultOptions = append(r.DefaultOptions, jsonschema.InterceptDefName(func(_ reflect.Type, name string) string {
		return "My" + strings.TrimPrefix(name, ownPackage)
	}))
	d := schemaOf(t, swaggestschema.New(r), Pair[Price, *Shape]{})
	const name = "MyPairSwaggestschemaTestPricePointerSwaggestschemaTestShape"
	require.JSONEq(t, ref+name+`"}`, string(d.Root))
	require.JSONEq(t, `{"type": "object", "properties": {
		"A": {"type": "string"},
		"B": {"anyOf": [{"type": "object", "oneOf": [`+ref+`MyCircle"}, `+ref+`MySquare"}]}, {"type": "null"}]}}}`,
		string(d.Components.Schemas[name]))
}

func TestComponentName(t *testing.T) {
	type local struct{}
	for _, tt := range []struct{ typ, want string }{
		{"items.Item", "ItemsItem"},
		{"main.Item", "Item"},
		{"domain.Item", "DomainItem"},
		{"main.Page[main.Item]", "PageItem"},
		{"main.Page[example.com/x.y/v2/items.Item]", "PageItemsItem"},
		{"main.Pair[[]example.com/a.Item,map[string]*example.com/b.Item]", "PairListAItemMapStringPointerBItem"},
		{reflect.TypeFor[Page[local]]().String(), "SwaggestschemaTestPageSwaggestschemaTestLocal"},
		{"main.snake_case", "SnakeCase"},
		{"main.Größe", "GrE"},
		{"main.Ω", "Type"},
	} {
		require.Equal(t, tt.want, swaggestschema.ComponentName(tt.typ), tt.typ)
	}
}
