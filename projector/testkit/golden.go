package testkit

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// Undump reads what hex.Dump wrote: an offset, 16 bytes, their text.
func Undump(dump string) ([]byte, error) {
	var b []byte
	for line := range strings.Lines(dump) {
		_, rest, ok := strings.Cut(line, "  ")
		digits, _, ok2 := strings.Cut(rest, "|")
		if !ok || !ok2 {
			return nil, fmt.Errorf("not a line of a dump: %q", line)
		}
		part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			return nil, err
		}
		b = append(b, part...)
	}
	return b, nil
}
