package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"reddot/events"
)

// advised is a refusal's reason, with what its publisher may have meant.
func advised(subject, reason string) string {
	if events.RefusalOf(reason) == events.RefusedVerb {
		if meant := meantVerb(subject); meant != "" {
			return printable(reason) + ": did you mean " + meant + "?"
		}
	}
	return printable(reason)
}

// lineAdvice is the error of a line that is no command, with what may have been
// meant.
func lineAdvice(line []byte, s events.Subjects, err error) error {
	var command struct{ Subject string }
	if json.Unmarshal(line, &command) != nil {
		return err
	}
	if other := events.PrefixOf(command.Subject); other != "" && other != s.Prefix() {
		return fmt.Errorf("%w: it has the prefix %s, not %s: publish it under %s all the same with --rewrite-prefix, or under its own with --prefix %s",
			err, other, s.Prefix(), s.Prefix(), other)
	}
	if e, ok := errors.AsType[*events.Invalid](err); ok && events.RefusalOf(e.Reason) == events.RefusedVerb {
		if meant := meantVerb(command.Subject); meant != "" {
			return fmt.Errorf("%w: did you mean %s?", err, meant)
		}
	}
	return err
}

// meantVerb is the verb that a command's subject comes near; "" if there is
// none.
func meantVerb(subject string) string {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 5 {
		return ""
	}
	inbox, word := tokens[2], tokens[4]
	var verbs []string
	for _, v := range events.Verbs() {
		if of, verb, ok := strings.Cut(v.String(), "."); ok && of == inbox {
			verbs = append(verbs, verb)
		}
	}
	return nearest(word, verbs)
}

// nearest is the word that another one comes near: at most two letters, and no
// more than a third of the word, are missing, added, changed or swapped.
func nearest(word string, words []string) string {
	best, at := "", min(2, len(word)/3)+1
	for _, w := range words {
		if d := distance(strings.ToLower(word), w, at); d < at {
			best, at = w, d
		}
	}
	return best
}

// distance is how many letters of two words are missing, added, changed or
// swapped with the next; at least enough if they differ by so much.
func distance(a, b string, enough int) int {
	if len(a)-len(b) >= enough || len(b)-len(a) >= enough {
		return enough
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, append([]int{i}, make([]int, len(b))...)
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		if slices.Min(row) >= enough {
			return enough
		}
	}
	return row[len(b)]
}
