package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuides: the files and the tests that the packages' "How do I add" name are
// there.
func TestGuides(t *testing.T) {
	const root = "../.."
	tests := map[string]bool{}
	guides := map[string]string{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
			tests[found[1]] = true
		}
		if filepath.Base(path) == "doc.go" && strings.Contains(string(text), "// # How do I add ") {
			guides[path] = string(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`(?m)^//\t((?:events|projector|internal|snapshot|api|cmd|testdata)/\S*)`)
	test := regexp.MustCompile(`(?m)^//\t.* (Test\w+)$`)
	if len(guides) < 2 {
		t.Errorf("%d packages say how to add something", len(guides))
	}
	for path, text := range guides {
		_, text, _ = strings.Cut(text, "// # How do I add ")
		for _, found := range place.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, found[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, found := range test.FindAllStringSubmatch(text, -1) {
			if !tests[found[1]] {
				t.Errorf("%s: no test is called %s", path, found[1])
			}
		}
	}
}

// TestReadmeMap: the README's map of the code names every package, and none that is
// not there.
func TestReadmeMap(t *testing.T) {
	const root = "../.."
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(readme), "\n## The code\n")
	part, _, _ = strings.Cut(part, "\n### Tests\n")
	named := map[string]bool{}
	for _, found := range regexp.MustCompile("`([a-z]+(?:/[a-z]+)*)`").FindAllStringSubmatch(part, -1) {
		named[found[1]] = true
	}
	packages := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "testdata":
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			folder, err := filepath.Rel(root, filepath.Dir(path))
			packages[filepath.ToSlash(folder)] = true
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range packages {
		if !named[folder] {
			t.Errorf("the README's map lacks %s", folder)
		}
	}
	for folder := range named {
		if !packages[folder] {
			t.Errorf("the README's map names %s, which is not there", folder)
		}
	}
}
