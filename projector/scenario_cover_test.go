package projector_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"reddot/projector/testkit"
)

// rules are the names of the rules. Each has a scenario of its own.
var rules = strings.Fields(`
	count once silent hidden own read-exact read-early read-time revoke mention edit join
	stranger mute level label filter block delete clear purge unread total receipt quiet exact
	named timeline thread-read thread-unread in apart follow thread-mute thread-list
	seen read-by receipts-sent clock expire import import-once carried`)

// features are the further names that headings of scenarios may pair.
var features = strings.Fields("thread receipts archived mark leave rejoin dismiss erase explain fanout")

// pairs says of each feature with which others it is shown together.
var pairs = map[string]string{
	"thread": `once silent hidden read-early read-time revoke mention join delete mute receipt erase
		dismiss explain own unread expire purge clear level label filter block receipts import fanout named`,
	"receipts": `own read-early unread leave rejoin dismiss erase mute level block explain import
		delete clear purge revoke expire silent hidden`,
	"level":    "mention revoke edit expire unread block erase purge clear archived filter import",
	"archived": "filter",
	"block":    "mention unread receipt filter delete erase import edit quiet",
	"edit":     "follow revoke expire purge clear named",
	"expire":   "join delete erase mute receipt read-early unread dismiss named",
	"import":   "level label mute total join leave delete clear unread mark erase",
	"carried":  "own revoke purge read-early",
	"clear":    "revoke delete read-early mute join purge",
	"purge":    "revoke unread join delete hidden silent",
}

// heading is a comment of a script that says what comes: a rule, or features that meet.
var heading = regexp.MustCompile(`^# (?:rule ([a-z-]+)|([a-z-]+(?:, [a-z-]+)*(?: × [a-z-]+(?:, [a-z-]+)*)+)): `)

// TestScenariosCover finds a scenario of every rule, in a file with its name, and one of
// every two features that meet.
func TestScenariosCover(t *testing.T) {
	files, err := filepath.Glob("../testdata/scenarios/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range files {
		for i, line := range strings.Split(string(testkit.Must(os.ReadFile(file))(t)), "\n") {
			m := heading.FindStringSubmatch(line)
			if m == nil {
				if strings.HasPrefix(line, "# ") && strings.Contains(line, " × ") {
					t.Errorf("%s: %q: want a heading as \"# level × label, filter: ...\"", file, line)
				}
				continue
			}
			if m[1] != "" && i == 0 && filepath.Base(file) == m[1]+".txt" {
				shown[m[1]] = true
			}
			for _, name := range strings.FieldsFunc(m[1]+m[2], func(r rune) bool { return strings.ContainsRune(" ,×", r) }) {
				if !slices.Contains(rules, name) && !slices.Contains(features, name) {
					t.Errorf("%s: %q: nothing is called %q", file, line, name)
				}
			}
			meet(shown, m[2])
		}
	}
	for _, rule := range rules {
		if !shown[rule] {
			t.Errorf("rule %s has no scenario", rule)
		}
	}
	for one, others := range pairs {
		for other := range strings.FieldsSeq(others) {
			if !shown[one+" × "+other] {
				t.Errorf("there is no scenario of %s × %s", one, other)
			}
		}
	}
}

// meet enters the pairs of a heading, either way round.
func meet(shown map[string]bool, heading string) {
	var sides [][]string
	for side := range strings.SplitSeq(heading, " × ") {
		sides = append(sides, strings.Split(side, ", "))
	}
	for i, side := range sides {
		for _, one := range side {
			for _, other := range slices.Concat(sides[i+1:]...) {
				shown[one+" × "+other], shown[other+" × "+one] = true, true
			}
		}
	}
}
