package otelbearer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/otelbearer"
)

// TestEveryKindIsKnown: whoever adds a kind of event to passbearer is told here.
func TestEveryKindIsKnown(t *testing.T) {
	kinds := append(kindsOf(t, "../event.go"), kindsOf(t, "../remotejwks/remotejwks.go")...)
	require.Len(t, kinds, len(everyEvent())-1)
	for _, kind := range kinds {
		m := newTelemetry(otelbearer.Options{})
		m.Event(t.Context(), passbearer.Event{Kind: kind})
		require.Len(t, m.series(t), 1)
		require.Contains(t, m.series(t)[0], "passbearer.event="+string(kind))
	}
}

// kindsOf are the constants of type EventKind in a file.
func kindsOf(t *testing.T, path string) (all []passbearer.EventKind) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !isEventKind(spec.Type) {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		all = append(all, passbearer.EventKind(name))
		return true
	})
	return all
}

func isEventKind(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "EventKind"
	case *ast.SelectorExpr:
		return e.Sel.Name == "EventKind"
	}
	return false
}
