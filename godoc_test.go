package passbearer_test

import (
	"go/ast"
	"go/build/constraint"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

const ownPath = "github.com/passbearer/passbearer"

// TestDocumentation: whoever reads the reference finds a comment at every
// exported name, an example in every package, and no link that leads nowhere.
func TestDocumentation(t *testing.T) {
	fset := token.NewFileSet()
	packages := publicPackages(t, fset)
	require.GreaterOrEqual(t, len(packages), 12, "the packages of this module, and those of the others where they are there")
	symbols := map[string]map[string]string{} // by package and by name: the comment
	for _, p := range packages {
		symbols[p.ImportPath] = comments(p, fset)
	}
	for _, p := range packages {
		t.Run(p.ImportPath, func(t *testing.T) {
			if !strings.HasPrefix(p.Doc, "Package "+p.Name+" ") {
				t.Errorf("the package comment begins with %.20q, want \"Package %s \"", p.Doc, p.Name)
			}
			if len(allExamples(p)) == 0 {
				t.Error("no Example shows what a caller writes")
			}
			for name, text := range symbols[p.ImportPath] {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s has no comment", name)
				}
				for _, link := range deadLinks(p, symbols, text) {
					t.Errorf("the comment of %s has the link [%s], which leads nowhere", name, link)
				}
			}
		})
	}
}

// publicPackages reads the packages that others can import, of this module and
// of those in its folders.
func publicPackages(t *testing.T, fset *token.FileSet) []*doc.Package {
	var packages []*doc.Package
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		private := []string{"internal", "testdata", "example", "examples", "benchmarks", "browsertest", "conformance", "node_modules"}
		if dir != "." && (strings.HasPrefix(name, ".") || slices.Contains(private, name)) {
			return fs.SkipDir
		}
		if p := readPackage(t, fset, dir); p != nil {
			packages = append(packages, p)
		}
		return nil
	})
	require.NoError(t, err)
	return packages
}

func readPackage(t *testing.T, fset *token.FileSet, dir string) *doc.Package {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	code := false
	for _, name := range names {
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		if isTest := strings.HasSuffix(name, "_test.go"); !isTest && !forLinux(string(src)) {
			continue
		} else if !isTest {
			code = true
		}
		f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	if !code || files[0].Name.Name == "main" {
		return nil
	}
	p, err := doc.NewFromFiles(fset, files, path.Join(ownPath, filepath.ToSlash(dir)))
	require.NoError(t, err)
	return p
}

// forLinux tells whether the build constraint of a file, if any, takes it where
// pkg.go.dev reads it.
func forLinux(src string) bool {
	for line := range strings.Lines(src) {
		if strings.HasPrefix(line, "package ") {
			break
		}
		if expr, err := constraint.Parse(strings.TrimSpace(line)); err == nil {
			return expr.Eval(func(tag string) bool { return tag == "linux" || tag == "unix" })
		}
	}
	return true
}

func allExamples(p *doc.Package) []*doc.Example {
	examples := slices.Clone(p.Examples)
	for _, f := range p.Funcs {
		examples = append(examples, f.Examples...)
	}
	for _, typ := range p.Types {
		examples = append(examples, typ.Examples...)
		for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
			examples = append(examples, f.Examples...)
		}
	}
	return examples
}

// comments has the comment of every exported name by that name: "Guard",
// "Guard.Check".
func comments(p *doc.Package, fset *token.FileSet) map[string]string {
	found := map[string]string{"package " + p.Name: p.Doc}
	values := slices.Concat(p.Consts, p.Vars)
	funcs := p.Funcs
	for _, typ := range p.Types {
		found[typ.Name] = typ.Doc
		for _, spec := range typ.Decl.Specs {
			addMembers(found, fset, typ, spec.(*ast.TypeSpec).Type)
		}
		values = slices.Concat(values, typ.Consts, typ.Vars)
		funcs = slices.Concat(funcs, typ.Funcs)
		for _, m := range typ.Methods {
			found[typ.Name+"."+m.Name] = m.Doc
		}
	}
	for _, f := range funcs {
		found[f.Name] = f.Doc
	}
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			spec := spec.(*ast.ValueSpec)
			for _, name := range spec.Names {
				if name.IsExported() { // the comment of its group stands for all in it
					found[name.Name] = v.Doc + spec.Doc.Text() + spec.Comment.Text()
				}
			}
		}
	}
	return found
}

// addMembers adds the exported fields of a struct and methods of an interface.
// The comment of the type may tell of them: of an interface's only method, and
// of what it calls by name. One that begins "these" tells of all up to the next
// blank line.
func addMembers(found map[string]string, fset *token.FileSet, owner *doc.Type, typ ast.Expr) {
	var list []*ast.Field
	switch typ := typ.(type) {
	case *ast.StructType:
		list = typ.Fields.List
	case *ast.InterfaceType:
		list = typ.Methods.List
	}
	these, line := "", 0
	for _, field := range list {
		text := field.Doc.Text() + field.Comment.Text()
		if begin := fset.Position(field.Pos()).Line; field.Doc != nil || begin > line+1 {
			these = ""
		}
		line = fset.Position(field.End()).Line
		if strings.Contains(text, "these ") {
			these = text
		}
		for _, name := range field.Names {
			if _, isMethod := field.Type.(*ast.FuncType); isMethod && len(list) == 1 || slices.Contains(words(owner.Doc), name.Name) {
				text += owner.Doc
			}
			if name.IsExported() {
				found[owner.Name+"."+name.Name] = text + these
			}
		}
	}
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

var linkLike = regexp.MustCompile(`(?m)\[(\*?[A-Za-z][\w/]*(?:\.[A-Z]\w*){0,2})\]`)

// deadLinks has what stands in brackets like a link and is none, and the links
// to names that this repository's packages do not have.
func deadLinks(p *doc.Package, symbols map[string]map[string]string, text string) []string {
	var dead []string
	parser := p.Parser()
	lookup := parser.LookupSym
	parser.LookupSym = func(recv, name string) bool {
		_, found := symbols[p.ImportPath][strings.TrimPrefix(recv+"."+name, ".")] // go/doc knows no fields
		return found || lookup(recv, name)
	}
	for _, link := range docLinks(parser.Parse(text)) {
		names, own := symbols[link.ImportPath]
		if _, found := names[strings.TrimPrefix(link.Recv+"."+link.Name, ".")]; own && link.Name != "" && !found {
			dead = append(dead, link.ImportPath+" "+link.Name)
		}
	}
	for _, plain := range plainText(parser.Parse(text)) {
		for _, match := range linkLike.FindAllStringSubmatch(plain, -1) {
			if strings.ToLower(match[1]) != match[1] { // a name, not a word of a form such as scheme://[host]
				dead = append(dead, match[1])
			}
		}
	}
	return dead
}

func docLinks(d *comment.Doc) (links []*comment.DocLink) {
	eachText(d, func(text comment.Text) {
		if link, ok := text.(*comment.DocLink); ok {
			links = append(links, link)
		}
	})
	return links
}

func plainText(d *comment.Doc) (plain []string) {
	eachText(d, func(text comment.Text) {
		if text, ok := text.(comment.Plain); ok {
			plain = append(plain, string(text))
		}
	})
	return plain
}

// eachText calls f with each piece of a comment's paragraphs, lists and
// headings; a block of code has no links.
func eachText(d *comment.Doc, f func(comment.Text)) {
	var walk func([]comment.Block)
	walk = func(blocks []comment.Block) {
		for _, block := range blocks {
			var texts []comment.Text
			switch block := block.(type) {
			case *comment.Paragraph:
				texts = block.Text
			case *comment.Heading:
				texts = block.Text
			case *comment.List:
				for _, item := range block.Items {
					walk(item.Content)
				}
			}
			for _, text := range texts {
				f(text)
			}
		}
	}
	walk(d.Content)
}
