package swaggestschema_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/openapi/swaggestschema"
)

type part struct {
	Name  string     `json:"name" required:"true"`
	Made  *time.Time `json:"made"`
	Parts []*part    `json:"parts,omitempty"`
}

func ExampleNew() {
	api := openapi.New("Parts", "1.0", &openapi.Options{Schemas: swaggestschema.New(nil)})
	api.Handle("GET /parts/{name}", http.NotFoundHandler(), openapi.Operation{
		Responses: map[int]openapi.Response{200: {Body: part{}}},
	})
	document, err := api.Document()
	fmt.Println(strings.Contains(string(document), `"schema":{"$ref":"#/components/schemas/SwaggestschemaTestPart"}`), err)
	// Output: true <nil>
}

func ExampleSchemer_Schema() {
	schema, definitions, err := swaggestschema.New(nil).Schema([]part{})
	fmt.Println(string(schema), err)
	fmt.Println(strings.ReplaceAll(string(definitions["SwaggestschemaTestPart"]), `},"`, "},\n\""))
	// Output:
	// {"items":{"$ref":"#/components/schemas/SwaggestschemaTestPart"},"type":"array"} <nil>
	// {"required":["name"],"properties":{"made":{"type":["string","null"],"format":"date-time"},
	// "name":{"type":"string"},
	// "parts":{"items":{"anyOf":[{"$ref":"#/components/schemas/SwaggestschemaTestPart"},{"type":"null"}]},
	// "type":"array"}},
	// "type":"object"}
}
