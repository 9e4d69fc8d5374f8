// Package tutorial tests the pages of docs: each program is built, each command is run in the order of the page, and
// what is printed is what the page says.
package tutorial

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const docs = "../../docs"

func TestPages(t *testing.T) {
	for _, path := range pages(t) {
		name, err := filepath.Rel(docs, path)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follow(t, path)
		})
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	// Not all there is: what a page says is run.
	for _, pattern := range []string{"README.md", "moving.md", "coming-from-*.md", "tutorial/*.md"} {
		found, err := filepath.Glob(filepath.Join(docs, pattern))
		require.NoError(t, err)
		all = append(all, found...)
	}
	require.GreaterOrEqual(t, len(all), 16)
	return all
}

// follow does what the reader of a page does.
func follow(t *testing.T, path string) {
	free := addresses{}
	text := readPage(t, path, free)
	r := newReader(t, path, text, free)
	for blocks := parse(t, text); len(blocks) > 0; blocks = blocks[1:] {
		b := blocks[0]
		switch b.lang {
		case "go":
			r.readGo(b)
		case "sh":
			printed := ""
			if len(blocks) > 1 && blocks[1].lang == "text" {
				printed = blocks[1].text
				blocks = blocks[1:]
			}
			r.readShell(b.text, printed)
		default:
			t.Errorf("a block of %q does not follow commands, and nothing checks it:\n%s", b.lang, b.text)
		}
	}
}

// addresses are the free ones in the place of those that pages name.
type addresses map[string]string

func (a addresses) replace(t *testing.T, named string) string {
	if a[named] == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		a[named] = l.Addr().String()
		require.NoError(t, l.Close())
	}
	return a[named]
}

// readPage replaces the page's addresses in programs, in commands and in what they print alike.
func readPage(t *testing.T, path string, free addresses) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return regexp.MustCompile(`localhost:[0-9]+`).ReplaceAllStringFunc(string(text), func(named string) string { return free.replace(t, named) })
}

type block struct{ lang, text string }

var fences = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func parse(t *testing.T, text string) (blocks []block) {
	t.Helper()
	for _, m := range fences.FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	require.Equal(t, strings.Count(text, "```"), 2*len(blocks), "each fence begins a line")
	return blocks
}

// TestLinks: what a page links to is there, and the tutorial's index has each of its pages.
func TestLinks(t *testing.T) {
	for _, path := range pages(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, file := range linked(path, string(text)) {
			_, err := os.Stat(file)
			require.NoError(t, err, path)
		}
	}
	numbered, err := filepath.Glob(docs + "/tutorial/[0-9]*.md")
	require.NoError(t, err)
	index, err := os.ReadFile(docs + "/tutorial/README.md")
	require.NoError(t, err)
	require.Subset(t, linked(docs+"/tutorial/README.md", string(index)), numbered)
}

var (
	links = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	code  = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]+`") // can look like a link: ExtraClaims[T](c)
)

// linked returns the files that a page links to.
func linked(path, text string) (files []string) {
	for _, m := range links.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		files = append(files, filepath.Join(filepath.Dir(path), m[1]))
	}
	return files
}

// TestMasks: what a page prints is compared in full, save for an ellipsis.
func TestMasks(t *testing.T) {
	for _, tt := range []struct {
		want, got string
		ok        bool
	}{
		{"a\nb\n", "a\r\nb\n", true},
		{"a\nb\n", "a\n", false},
		{"a\n", "a\nb\n", false},
		{"id …, end\n", "id 7, end\n", true},
		{"id …, end\n", "id 7, End\n", false},
		{"id …\n", "id 7\nmore\n", false},
		{"a.c\n", "abc\n", false},
		{"", "anything\n", false},
	} {
		require.Equal(t, tt.ok, matches(tt.want, tt.got), "%q %q", tt.want, tt.got)
	}
}
