package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// advised is a refusal's reason, with what its publisher may have meant.
func advised(subject, reason string) string {
	return term.Printable(reason) + meant(subject, reason, nil)
}

// meant asks whether something near was meant; "" if there is nothing near.
// payload may be nil.
func meant(subject, reason string, payload []byte) string {
	word := ""
	switch events.RefusalOf(reason) {
	case events.RefusedVerb:
		word = meantVerb(subject)
	case events.RefusedUnknown:
		unknown, err := strconv.Unquote(strings.TrimPrefix(reason, "unknown field "))
		if err == nil {
			word = nearest(unknown, events.Fields(verbOf(subject)))
		}
	case events.RefusedMissing:
		missing := strings.TrimSuffix(reason, " is missing")
		var fields map[string]any
		if json.Unmarshal(payload, &fields) != nil {
			return ""
		}
		if there := nearest(missing, slices.Sorted(maps.Keys(fields))); there != "" && there != missing { // or it is null
			return ": is it misspelt as " + strconv.Quote(there) + "?"
		}
	}
	if word == "" {
		return ""
	}
	return ": did you mean " + word + "?"
}

// verbOf is the verb of a command's subject under any prefix.
func verbOf(subject string) events.Verb {
	s, err := events.NewSubjects(events.PrefixOf(subject))
	if err != nil {
		return events.NoVerb
	}
	target, err := s.ParseCommand(subject)
	if err != nil {
		return events.NoVerb
	}
	return target.Verb
}

// lineAdvice is the error of a line that is no command, with what may have been
// meant.
func lineAdvice(line []byte, s events.Subjects, err error) error {
	var command struct {
		Subject string
		Payload json.RawMessage
	}
	if json.Unmarshal(line, &command) != nil {
		return err
	}
	if other := events.PrefixOf(command.Subject); other != "" && other != s.Prefix() {
		return fmt.Errorf("%w: it has the prefix %s, not %s: publish it under %s all the same with --rewrite-prefix, or under its own with --prefix %s",
			err, other, s.Prefix(), s.Prefix(), other)
	}
	if e, ok := errors.AsType[*events.Invalid](err); ok {
		return fmt.Errorf("%w%s", err, meant(command.Subject, e.Reason, command.Payload))
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
// more than a third of the word, are missing, added, changed or swapped; one
// may always be, in a word of two letters or more.
func nearest(word string, words []string) string {
	if len(word) < 2 {
		return ""
	}
	best, at := "", max(1, min(2, len(word)/3))+1
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
