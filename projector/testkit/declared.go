package testkit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// Constants returns the constants that a Go file declares under names that begin
// with a prefix, each with its value if that is a string literal: for a test that
// nobody has forgotten to do something with one of them.
func Constants(tb testing.TB, path, prefix string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	declarations(tb, path, token.CONST, func(spec ast.Spec) {
		values := spec.(*ast.ValueSpec)
		for i, name := range values.Names {
			if !strings.HasPrefix(name.Name, prefix) {
				continue
			}
			found[name.Name] = ""
			if i < len(values.Values) {
				if literal, ok := values.Values[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
					found[name.Name], _ = strconv.Unquote(literal.Value)
				}
			}
		}
	})
	return found
}

// Structs returns the names of the exported structs that a Go file declares.
func Structs(tb testing.TB, path string) []string {
	tb.Helper()
	var found []string
	declarations(tb, path, token.TYPE, func(spec ast.Spec) {
		typ := spec.(*ast.TypeSpec)
		if _, ok := typ.Type.(*ast.StructType); ok && typ.Name.IsExported() {
			found = append(found, typ.Name.Name)
		}
	})
	return found
}

func declarations(tb testing.TB, path string, of token.Token, use func(ast.Spec)) {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		tb.Fatal(err)
	}
	for _, d := range file.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == of {
			for _, spec := range d.Specs {
				use(spec)
			}
		}
	}
}
