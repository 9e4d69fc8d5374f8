package swaggestschema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"time"

	"github.com/swaggest/jsonschema-go"

	one "github.com/passbearer/passbearer/openapi/swaggestschema/testdata/one/items"
	two "github.com/passbearer/passbearer/openapi/swaggestschema/testdata/two/items"
)

// Types that have themselves in them.
type (
	Tree struct {
		Name     string           `json:"name" required:"true"`
		Left     *Tree            `json:"left"`
		Children []*Tree          `json:"children"`
		ByName   map[string]*Tree `json:"byName,omitempty"`
	}
	List  []List
	Graph map[string]Graph
	Even  struct{ Next *Odd }
	Odd   struct{ Next *Even }
)

type (
	Pointers struct {
		Text    *string   `json:"text"`
		Omitted *string   `json:"omitted,omitempty"`
		Zero    *int      `json:"zero,omitzero"`
		Twice   **bool    `json:"twice"`
		Struct  *one.Item `json:"struct" description:"What it is"`
		Plain   one.Item  `json:"plain"`
		Never   *string   `json:"never" nullable:"false"`
		Always  string    `json:"always" nullable:"true"`
	}
	Lists struct {
		Slice   []string   `json:"slice"`
		Structs []one.Item `json:"structs"`
		Omitted []string   `json:"omitted,omitempty"`
		Zero    []string   `json:"zero,omitzero"`
		Array   [2]int     `json:"array"`
		Nested  [][]int    `json:"nested"`
		Names   Names      `json:"names"`
		More    *Names     `json:"more"`
	}
	Names []string
	Maps  struct {
		Map     map[string]float64 `json:"map"`
		Omitted map[string]bool    `json:"omitted,omitempty"`
		Numbers map[int][]*int32   `json:"numbers"`
		Texts   map[Text]bool      `json:"texts"`
		Anys    map[string]any     `json:"anys"`
	}
	Bytes struct {
		Plain   []byte   `json:"plain"`
		Omitted []byte   `json:"omitted,omitempty"`
		Named   Blob     `json:"named"`
		Letters []Letter `json:"letters"`
		Array   [2]byte  `json:"array"`
		Many    [][]byte `json:"many"`
		Bits    []Bit    `json:"bits"` // encoding/json asks each
	}
	Blob    []byte
	Letter  byte
	Bit     byte
	Numbers struct {
		Int    int
		Int32  int32
		Int64  int64
		Uint   uint16
		F32    float32
		F64    float64
		Wait   time.Duration
		Number json.Number
	}
)

type (
	Tags struct {
		//lint:ignore SA5008 encoding/json takes it for a name
		Dash    int      `json:"-,"`
		Ignored chan int `json:"-"`
		Plain   bool
		Renamed string        `json:"renamed" required:"true" minLength:"2" description:"Two letters or more"`
		Number  int64         `json:"number,string"`
		Flag    *bool         `json:"flag,string"`
		Quoted  string        `json:"quoted,omitempty,string" example:"x"`
		Wait    time.Duration `json:"wait,string"`
		//lint:ignore SA5008 encoding/json does not heed it here
		Slice   []int `json:"slice,string"`
		Level   Level `json:"level,string"`
		private int
	}
	Level int
	Outer struct {
		Name []int `json:"name"` // hides Base's
		Base
		*Other // its kind and Base's hide each other
		inner
		Named Base `json:"base"`
		Names      // not a struct
	}
	Base struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
		Kind int    `json:"kind"`
	}
	Other struct {
		Kind string `json:"kind"`
		Note string `json:"note"`
	}
	inner   struct{ Inner string }
	Tagged1 struct{ Note int }
	Tagged2 struct {
		Words string `json:"Note"` // which has precedence
	}
	Tagged struct {
		Tagged1
		Tagged2
	}
	Nearer struct {
		Note int
		ID   int `json:"id" required:"true" minimum:"1"`
		Base
		Tagged2
		*Required
	}
	Required struct {
		ID   string `json:"id" required:"true"`
		Note string `required:"true"`
		Kind string `json:"kind" required:"true"` // Base has one too
		Text string `required:"true"`
	}
	Endless struct{ *Endless }
)

type (
	Anything struct {
		Raw     json.RawMessage  `json:"raw"`
		Pointer *json.RawMessage `json:"pointer"`
		Any     any              `json:"any"`
		Named   fmt.Stringer     `json:"named"`
		Price   Price            `json:"price"`
		Big     *big.Int         `json:"big"`
		Stamped Stamped          `json:"stamped"`
	}
	Price   struct{ Cents int }
	Stamped struct { // its MarshalJSON is Time's
		time.Time
		Note string
	}
	Texts struct {
		Time time.Time   `json:"time"`
		Then *time.Time  `json:"then"`
		Addr netip.Addr  `json:"addr"`
		Only Text        `json:"only"`
		Or   *netip.Addr `json:"or"`
		IP   net.IP      `json:"ip"`
		Zone Zone        `json:"zone"`
	}
	Text struct{ text string }
	Zone struct{ text string }
)

func (t Text) MarshalText() ([]byte, error)  { return []byte(t.text), nil }
func (b Bit) MarshalText() ([]byte, error)   { return fmt.Append(nil, b), nil }
func (z Zone) MarshalText() ([]byte, error)  { return []byte(z.text), nil }
func (*Zone) UnmarshalText([]byte) error     { return nil }
func (Zone) Description() string             { return "A time zone" }
func (l Level) MarshalJSON() ([]byte, error) { return fmt.Append(nil, int(l)), nil }
func (p Price) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"%d"`, p.Cents), nil }

type (
	Enums struct {
		One  Colour   `json:"one"`
		Some []Colour `json:"some"`
		Or   *Colour  `json:"or"`
		Tag  *string  `json:"tag" enum:"a,b"`
		Size Size     `json:"size"`
		Only *string  `json:"only" const:"x"`
	}
	Colour string
	Size   int
	Maybes struct {
		Plain   Maybe   `json:"plain"`
		Pointer *Maybe  `json:"pointer"`
		Some    []Maybe `json:"some"`
		Coded   *Code   `json:"coded"`
		Code    Code    `json:"code"`
	}
	Code   string
	Maybe  struct{ text *string }
	Shape  struct{ shape any }
	Circle struct {
		Radius int `required:"true"`
	}
	Square struct {
		Side int `required:"true"`
	}
	Failed struct{}
)

func (Colour) Enum() []any                { return []any{"red", "green"} }
func (Size) NamedEnum() ([]any, []string) { return []any{1, 2}, []string{"small", "large"} }

func (m Maybe) MarshalJSON() ([]byte, error) { return json.Marshal(m.text) }
func (Maybe) PrepareJSONSchema(s *jsonschema.Schema) error {
	*s = jsonschema.Schema{}
	s.AddType(jsonschema.String)
	s.AddType(jsonschema.Null)
	return nil
}

func (Code) PrepareJSONSchema(s *jsonschema.Schema) error {
	s.WithPattern("^[A-Z]")
	return nil
}

func (s Shape) MarshalJSON() ([]byte, error) { return json.Marshal(s.shape) }
func (Shape) JSONSchemaOneOf() []any         { return []any{Circle{}, Square{}} }

var errFailed = errors.New("no schema")

func (Failed) JSONSchema() (jsonschema.Schema, error) { return jsonschema.Schema{}, errFailed }

type (
	Page[T any] struct {
		Items []T      `json:"items"`
		Next  *Page[T] `json:"next"`
	}
	Pair[A, B any] struct {
		A A
		B B
	}
	snake_case struct{ X int }
	Größe      struct{ X int }
	Both       struct {
		One one.Item `json:"one"`
		Two two.Item `json:"two"`
	}
)
