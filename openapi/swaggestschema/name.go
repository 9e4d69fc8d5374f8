package swaggestschema

import (
	"cmp"
	"regexp"
	"strings"
)

var (
	notInName = regexp.MustCompile(`[^\[\],* ]*/|·\d+|\bmain\.`) // the folders of a package's path, and the number of a local type
	words     = regexp.MustCompile(`[0-9A-Za-z]+`)
	composite = strings.NewReplacer("[]", "List ", "*", "Pointer ")
)

// componentName returns the name of the schema of a type, whose [reflect.Type.String]
// is given: ItemsPageItemsItem for items.Page[example.com/items.Item]. The library
// numbers the names of several types.
func componentName(typ string) string {
	typ = composite.Replace(notInName.ReplaceAllString(typ, ""))
	var name strings.Builder
	for _, word := range words.FindAllString(typ, -1) {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return cmp.Or(name.String(), "Type")
}
