package fold_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
)

// TestEveryReasonHasARefusal: the rules' reasons, constants named Reason..., are
// counted each as what it is; one more than there may be of something is one kind.
func TestEveryReasonHasARefusal(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[events.Refusal]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				checkReasons(t, spec, seen)
			}
			return true
		})
	}
	if len(seen) < 2 {
		t.Errorf("reasons found: %v", seen)
	}
	if r := fold.RefusalOf("from is missing"); r != events.RefusedMissing {
		t.Errorf("a payload's reason is counted as %q", r)
	}
}

// checkReasons checks the reasons among declared constants.
func checkReasons(t *testing.T, spec *ast.ValueSpec, seen map[events.Refusal]string) {
	t.Helper()
	for i, name := range spec.Names {
		if !strings.HasPrefix(name.Name, "Reason") || len(spec.Values) <= i {
			continue
		}
		literal, ok := spec.Values[i].(*ast.BasicLit)
		if !ok {
			t.Errorf("%s is not a plain text", name.Name)
			continue
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Error(err)
		}
		r := fold.RefusalOf(text)
		if r < events.RefusedNotMember || r == events.RefusedOther || r != events.RefusedTooMany && seen[r] != "" {
			t.Errorf("%q is counted as %q, beside %q", text, r, seen[r])
		}
		seen[r] = text
	}
}
