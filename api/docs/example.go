package docs

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"reddot/testdata/scenarios"
)

// example is a paragraph that shows the beginning of a story.
var example = regexp.MustCompile(`(?m)^\[.*\]\((?:\.\./)+testdata/scenarios/([a-z-]+\.txt) "first ([0-9]+) blocks?"\)$`)

// withExamples puts the stories that a page names below where it names them.
func withExamples(source []byte) ([]byte, error) {
	var failed error
	out := example.ReplaceAllFunc(source, func(line []byte) []byte {
		found := example.FindSubmatch(line)
		n, _ := strconv.Atoi(string(found[2]))
		story, err := scenarios.Files.ReadFile(string(found[1]))
		blocks := strings.Split(strings.TrimSpace(string(story)), "\n\n")
		if err == nil && len(blocks) < n {
			err = fmt.Errorf("%s has %d blocks, want %d", found[1], len(blocks), n)
		}
		if err != nil {
			failed = err
			return line
		}
		return bytes.Join([][]byte{line, []byte("```\n" + strings.Join(blocks[:n], "\n\n") + "\n```")}, []byte("\n\n"))
	})
	return out, failed
}
