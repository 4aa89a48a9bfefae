package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Golden compares a text with that of a file, or writes it there: see [Rewrite]. It
// returns what the file then holds.
func Golden(tb testing.TB, path, got string) string {
	tb.Helper()
	if Rewrite() {
		WriteGolden(tb, path, []byte(got))
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("%v: run the test with -rewrite if the file is new", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		tb.Errorf("%s (-want +got; the flag -rewrite accepts it):\n%s", path, diff)
	}
	return string(want)
}

// WriteGolden writes a golden file, and its folder if need be.
func WriteGolden(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		tb.Fatal(err)
	}
}
