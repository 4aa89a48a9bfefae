package term

import (
	"slices"
	"strings"
)

// OneLine is an error's text without line breaks. Those by design are between
// joined errors, which may say the same, and in cobra's suggestions for an
// unknown command.
func OneLine(err error) string {
	text, names, found := strings.Cut(err.Error(), "\n\nDid you mean this?\n\t")
	if found {
		text += ": did you mean " + strings.Join(strings.Fields(names), " or ") + "?"
	}
	var parts []string
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if !slices.ContainsFunc(parts, func(said string) bool { return strings.Contains(said, part) }) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}
