package storetest

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reddot/projector/store/row"
	"reddot/projector/testkit"
)

// Row is a stored row, with a name for people.
type Row struct {
	Name       string
	Key, Value []byte
}

// GoldenRow compares a row with the golden one of its name, or writes it with the
// flag -rewrite. It returns the golden one, which must be readable as long as the
// format is.
func GoldenRow(tb testing.TB, r Row) Row {
	tb.Helper()
	path := filepath.Join(goldenFolder(tb), r.Name+suffix)
	if testkit.Rewrite() {
		testkit.WriteGolden(tb, path, []byte(dump(r)))
	}
	g, err := read(path)
	if err != nil {
		tb.Fatalf("%v; run the test with -rewrite if it is new", err)
	}
	if dump(r) != dump(g) {
		tb.Errorf("%s: the row is now\n%s", r.Name, dump(r))
	}
	return g
}

// GoldenRows are all golden rows of the format, in the order of their names.
func GoldenRows(tb testing.TB) (all []Row) {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(goldenFolder(tb), "*"+suffix))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no golden rows: %v", err)
	}
	for _, path := range paths {
		r, err := read(path)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

const suffix = ".hex"

// goldenFolder is where the rows of the format lie, seen from the test's package.
func goldenFolder(tb testing.TB) string {
	tb.Helper()
	for root := "."; len(root) < 30; root = filepath.Join(root, "..") {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, "testdata", "golden", "store", fmt.Sprint("v", row.Format))
		}
	}
	tb.Fatal("the test does not run within the module")
	return ""
}

func read(path string) (r Row, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	r.Name = strings.TrimSuffix(filepath.Base(path), suffix)
	rest, ok := strings.CutPrefix(string(text), "key\n")
	key, value, ok2 := strings.Cut(rest, "value\n")
	if !ok || !ok2 {
		return r, fmt.Errorf("%s: no key or no value", path)
	}
	if r.Key, err = testkit.Undump(key); err == nil {
		r.Value, err = testkit.Undump(value)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func dump(r Row) string { return "key\n" + hex.Dump(r.Key) + "value\n" + hex.Dump(r.Value) }
