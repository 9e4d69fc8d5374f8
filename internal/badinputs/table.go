package badinputs

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed testdata/badinputs.tsv
var catalogue string

// row is a line of the catalogue.
type row struct {
	group, id, kind, target, input string
	status, code, holds            string // what must come of it
	source, note                   string
}

const (
	kindBad     = "bad"
	kindControl = "control"
)

var header = []string{"group", "id", "kind", "target", "input", "expected_status", "expected_error", "must_also_hold", "source", "note"}

// rows reads a catalogue.
func rows(text string) (list []row, err error) {
	seen := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		switch {
		case len(cells) != len(header):
			return nil, fmt.Errorf("line %d has %d cells, not %d", i+1, len(cells), len(header))
		case cells[0] == header[0] && slices.Equal(cells, header):
			continue
		case seen[cells[1]]:
			return nil, fmt.Errorf("line %d: the id %s is there twice", i+1, cells[1])
		}
		seen[cells[1]] = true
		list = append(list, row{cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7], cells[8], cells[9]})
	}
	return list, nil
}

// mustRows reads the catalogue, which a test has read before.
func mustRows() []row {
	list, err := rows(catalogue)
	if err != nil {
		panic(err)
	}
	return list
}

// allows reports whether status is one of the row's.
func (r row) allows(status int) bool {
	return r.status == "-" || slices.Contains(strings.Split(r.status, "|"), strconv.Itoa(status))
}

// conditions are what must also hold.
func (r row) conditions() []string {
	if r.holds == "-" {
		return nil
	}
	return strings.Split(r.holds, "; ")
}

var remark = regexp.MustCompile(`\s+\([^()]*\)$`)

// literal is the input column where it is what is sent: without the remark at its
// end, and with its escapes read.
func (r row) literal() string { return unescape(remark.ReplaceAllString(r.input, "")) }

var escape = regexp.MustCompile(`\\(r|n|t|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})`)

// unescape reads the escapes that the catalogue uses; any other backslash stands
// for itself.
func unescape(s string) string {
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		switch e[1] {
		case 'r':
			return "\r"
		case 'n':
			return "\n"
		case 't':
			return "\t"
		}
		n, err := strconv.ParseUint(e[2:], 16, 32)
		if err != nil {
			panic(err) // the expression allows digits only
		}
		if e[1] == 'x' {
			return string([]byte{byte(n)})
		}
		return string(rune(n))
	})
}
