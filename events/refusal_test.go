package events

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// reasonsGiven are the texts that this package's files give to invalid or keep in a
// constant named reason...; what they put in at run time stands as "x".
func reasonsGiven(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "invalid" {
					if text := textOf(n.Args[0]); text != "x" { // else a constant
						reasons = append(reasons, text)
					}
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if strings.HasPrefix(name.Name, "reason") && len(n.Values) > i {
						reasons = append(reasons, textOf(n.Values[i]))
					}
				}
			}
			return true
		})
	}
	return reasons
}

// textOf is an expression's text.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	}
	return "x"
}

// TestEveryReasonHasARefusal: no reason that this package gives is counted as
// "other", so whoever adds one sees where it belongs.
func TestEveryReasonHasARefusal(t *testing.T) {
	reasons := reasonsGiven(t)
	if len(reasons) < 30 {
		t.Fatalf("%d reasons found: %q", len(reasons), reasons)
	}
	for _, reason := range reasons {
		if r := RefusalOf(reason); r == RefusedOther || r == NoRefusal {
			t.Errorf("%q is counted as %q", reason, r)
		}
	}
}

func TestRefusalOf(t *testing.T) {
	for reason, want := range map[string]Refusal{
		"":                                    NoRefusal,
		"unknown verb":                        RefusedVerb,
		"subject has too few tokens":          RefusedSubject,
		reasonJSON:                            RefusedPayload,
		reasonSize:                            RefusedLimit,
		"mentions has more than 1000 entries": RefusedLimit,
		"id is longer than 256 bytes":         RefusedLimit,
		"from is missing":                     RefusedMissing,
		`unknown field "payload is larger"`:   RefusedUnknown,
		"muted is neither true nor false":     RefusedValue,
		`conversation is neither c2c_ID nor group_ID`:  RefusedValue,
		"at is outside 0 to 2^53-1":                    RefusedValue,
		"what no reason of this package ever said yet": RefusedOther,
	} {
		if got := RefusalOf(reason); got != want {
			t.Errorf("%q is counted as %q, want %q", reason, got, want)
		}
	}
	names := map[string]bool{}
	for _, r := range Refusals() {
		if r.String() == "" || names[r.String()] {
			t.Errorf("refusal %d is named %q", r, r)
		}
		names[r.String()] = true
	}
	if got := Refusal(200).String(); got != "" {
		t.Errorf("an unknown refusal is named %q", got)
	}
}
