package otelbearer_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// TestTexts: each text that otelbearer knows an error by is still one of passbearer's. Who changes it there is told here.
func TestTexts(t *testing.T) {
	literals := map[string]bool{}
	for _, dir := range []string{"..", "../jwttoken", "../dpop", "../mfa", "../introspect", "../remotejwks"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				literalsOf(t, file, literals)
			}
		}
	}
	for text := range otelbearer.Texts {
		literal := text
		if _, detail, ok := strings.Cut(text, "invalid token: "); ok { // put together at run time
			literal = detail
		}
		require.True(t, literals[literal] || literals["%w: "+literal], "no error of passbearer has the text %q", text)
	}
}

func literalsOf(t *testing.T, path string, into map[string]bool) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if errors.Is(err, fs.ErrNotExist) { // another test's, gone meanwhile
		return
	}
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			into[text] = true
		}
		return true
	})
}

// TestReasons: what is wrapped is found, however it is wrapped, and nothing of an unknown text is told.
// several is an error of an application, which errors.Is takes as it is.
type several []error

func (several) Error() string     { return "several" }
func (s several) Unwrap() []error { return s }

func TestReasons(t *testing.T) {
	wrong := errors.New("wrong password")
	for _, tt := range []struct {
		err    error
		reason string
	}{
		{nil, "_OTHER"},
		{wrong, "wrong_password"},
		{fmt.Errorf("step: %w", wrong), "wrong_password"},
		{errors.Join(errors.New("?"), wrong), "wrong_password"},
		{several{nil, wrong}, "wrong_password"},
		{&passbearer.Error{Cause: wrong}, "wrong_password"},
		{&passbearer.Error{}, "_OTHER"},
		{fmt.Errorf("%w: it was revoked", passbearer.ErrInvalidToken), "revoked"},
		{fmt.Errorf("%w: %w", passbearer.ErrInvalidToken, errors.New("iss names none of the issuers")), "wrong_issuer"},
		{fmt.Errorf("introspect: %w: it is not active", passbearer.ErrInvalidToken), "inactive"},
		{passbearer.ErrInvalidToken, "invalid_token"},
		{fmt.Errorf("%w: johndoe's", passbearer.ErrInvalidToken), "invalid_token"},
		{fmt.Errorf("wait: %w", &throttle.Exceeded{By: "device"}), "device_exceeded"},
		{fmt.Errorf("wait: %w", password.ErrPepper), "unknown_pepper"},
		{fmt.Errorf("%w %w", context.DeadlineExceeded, errors.New("sql: of johndoe")), "timeout"},
		{opaque{context.DeadlineExceeded}, "timeout"},
		{opaque{errors.New("johndoe")}, "_OTHER"},
	} {
		require.Equal(t, tt.reason, otelbearer.ReasonOf(tt.err), "%v", tt.err)
	}
}

// opaque has no Unwrap, as passbearer's errors of stores.
type opaque struct{ err error }

func (o opaque) Error() string        { return "load: " + o.err.Error() }
func (o opaque) Is(target error) bool { return errors.Is(o.err, target) }

func TestErrorTypes(t *testing.T) {
	all := otelbearer.ErrorTypes()
	require.IsIncreasing(t, all)
	require.Less(t, len(all), 70)
	for _, reason := range all {
		if reason != "_OTHER" {
			require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, reason)
		}
	}
	all[0] = "changed"
	require.NotEqual(t, all, otelbearer.ErrorTypes())
}
