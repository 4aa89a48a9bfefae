package demo

import (
	"path/filepath"
	"testing"

	"reddot/projector/testkit"
)

// golden compares a text with testdata/golden/cli/<name>.
func golden(t *testing.T, name, got string) {
	t.Helper()
	testkit.Golden(t, filepath.Join("..", "..", "..", "testdata", "golden", "cli", name), got)
}
