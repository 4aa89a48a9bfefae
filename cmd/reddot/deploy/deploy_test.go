package deploy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestItems: all that is embedded is named, and all that is named can be written, once.
func TestItems(t *testing.T) {
	named := map[string]bool{}
	for _, item := range Items() {
		named[item.Name] = true
		written, err := Write(t.TempDir(), item.Name)
		if err != nil || len(written) == 0 || item.Folder != (len(written) > 1) {
			t.Errorf("%s: %q, %v", item.Name, written, err)
		}
	}
	entries, err := fs.ReadDir(files(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !named[e.Name()] {
			t.Errorf("%s is not named", e.Name())
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(dir, "Caddyfile"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	if kept, _ := os.ReadFile(file); string(kept) != "mine" {
		t.Errorf("the file that was there says %q", kept)
	}
}
