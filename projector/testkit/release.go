package testkit

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// release is the folder of the release that is worked on.
const release = "v1"

// Releases are the folders of what each major release has left.
func Releases(tb testing.TB) []string {
	tb.Helper()
	folders, err := filepath.Glob(filepath.Join(moduleRoot(tb), "testdata", "compat", "v*"))
	if err != nil || len(folders) == 0 {
		tb.Fatalf("there are no releases: %v", err)
	}
	return folders
}

// UnreleasedFolder is the folder of what the release that is worked on leaves. It may be
// written until that is out: from then on what reads it is what has to change.
func UnreleasedFolder(tb testing.TB) string {
	tb.Helper()
	root := moduleRoot(tb)
	changelog := Must(os.ReadFile(filepath.Join(root, ".github", "CHANGELOG.md")))(tb)
	if strings.Contains(string(changelog), "\n## ["+strings.TrimPrefix(release, "v")+".") {
		tb.Fatalf("%s is out, as the changelog says: what it has left is not written again", release)
	}
	return filepath.Join(root, "testdata", "compat", release)
}

// moduleRoot is the folder of the module, seen from the package under test.
func moduleRoot(tb testing.TB) string {
	tb.Helper()
	for root := "."; len(root) < 30; root = filepath.Join(root, "..") {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root
		}
	}
	tb.Fatal("the test does not run within the module")
	return ""
}

// EachLine calls a function with what the lines of a compressed file of JSON say.
func EachLine[T any](tb testing.TB, name string, each func(T)) {
	tb.Helper()
	file := Must(os.Open(name))(tb)
	defer file.Close()
	lines := json.NewDecoder(Must(gzip.NewReader(file))(tb))
	n := 0
	for ; lines.More(); n++ {
		var line T
		OK(tb, lines.Decode(&line))
		each(line)
	}
	if n == 0 {
		tb.Fatalf("%s is empty", name)
	}
}

// WriteLines writes such a file.
func WriteLines[T any](tb testing.TB, name string, lines []T) {
	tb.Helper()
	file := Must(os.Create(name))(tb)
	zip := Must(gzip.NewWriterLevel(file, gzip.BestCompression))(tb)
	out := json.NewEncoder(zip)
	out.SetEscapeHTML(false)
	for _, line := range lines {
		OK(tb, out.Encode(line))
	}
	OK(tb, zip.Close(), file.Close())
}
