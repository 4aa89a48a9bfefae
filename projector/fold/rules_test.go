package fold_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRules: the package's doc says of each rule in which files it is kept, and
// these say so themselves.
func TestRules(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(doc), "# Where a rule is")
	table, _, ended := strings.Cut(table, "# Invariants")
	if !found || !ended {
		t.Fatal("the doc does not say where a rule is")
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^//\t(.*)$`).FindAllStringSubmatch(table, -1) {
		var rules, files []string
		for _, word := range strings.Fields(row[1]) {
			if strings.HasSuffix(word, ".go") {
				files = append(files, word)
			} else {
				rules = append(rules, word)
			}
		}
		for _, rule := range rules {
			listed[rule] = true
			if !slices.ContainsFunc(files, func(file string) bool { return slices.Contains(rulesOf(t, file), rule) }) {
				t.Errorf("none of %q says that rule %s is kept there", files, rule)
			}
		}
		for _, file := range files {
			if !slices.ContainsFunc(rules, func(rule string) bool { return slices.Contains(rulesOf(t, file), rule) }) {
				t.Errorf("%s keeps none of the rules %q", file, rules)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, rule := range rulesOf(t, file) {
			if !listed[rule] {
				t.Errorf("%s names rule %s, which the doc does not list", file, rule)
			}
		}
	}
}

// ruleNames finds "(rule x)", "(rules x, y)" and "// rule x".
var ruleNames = regexp.MustCompile(`(?:\(|// )[Rr]ules? ((?:[a-z-]+, )*[a-z-]+)`)

// rulesOf returns the rules that a file's comments name.
func rulesOf(t *testing.T, file string) (rules []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range ruleNames.FindAllStringSubmatch(string(text), -1) {
		rules = append(rules, strings.Split(comment[1], ", ")...)
	}
	return rules
}
