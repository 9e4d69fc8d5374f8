package swaggestschema

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// options are what encoding/json reads in a field's tag.
type options struct {
	name    string // empty if the tag has none
	ignored bool
	omitted bool // where it is empty or zero
	quoted  bool
}

func tagOptions(f reflect.StructField) options {
	tag := f.Tag.Get("json")
	name, rest, _ := strings.Cut(tag, ",")
	words := strings.Split(rest, ",")
	return options{
		name:    name,
		ignored: tag == "-",
		omitted: slices.Contains(words, "omitempty") || slices.Contains(words, "omitzero"),
		quoted:  slices.Contains(words, "string"),
	}
}

// candidate is a field that may be the one to be written under its name.
type candidate struct {
	field  reflect.StructField
	depth  int
	tagged bool
}

// jsonFields returns the fields of struct t that encoding/json writes, by the
// names it gives them. Of several for one name that is the least nested, or the
// only one of these with the name in its tag, or else none.
func jsonFields(t reflect.Type) (map[string]reflect.StructField, error) {
	all := make(map[string][]candidate)
	if err := collect(t, nil, all); err != nil {
		return nil, err
	}
	fields := make(map[string]reflect.StructField, len(all))
	for name, named := range all {
		slices.SortFunc(named, dominance)
		if len(named) == 1 || dominance(named[0], named[1]) != 0 {
			fields[name] = named[0].field
		}
	}
	return fields, nil
}

func dominance(a, b candidate) int {
	switch {
	case a.depth != b.depth || a.tagged == b.tagged:
		return cmp.Compare(a.depth, b.depth)
	case a.tagged:
		return -1
	}
	return 1
}

func collect(t reflect.Type, outer []reflect.Type, all map[string][]candidate) error {
	if slices.Contains(outer, t) {
		return fmt.Errorf("%s embeds itself", t) // the reflector would do so for ever
	}
	for i := range t.NumField() {
		f := t.Field(i)
		o := tagOptions(f)
		embedded := f.Anonymous && indirect(f.Type).Kind() == reflect.Struct
		switch {
		case o.ignored, !f.IsExported() && !embedded:
		case embedded && o.name == "":
			if err := collect(indirect(f.Type), append(slices.Clip(outer), t), all); err != nil {
				return err
			}
		default:
			name := cmp.Or(o.name, f.Name)
			all[name] = append(all[name], candidate{f, len(outer), o.name != ""})
		}
	}
	return nil
}
