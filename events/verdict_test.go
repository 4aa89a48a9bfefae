package events

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"reddot/projector/testkit"
)

// verdictsFile holds JSON payloads with what is said of them.
const verdictsFile = goldenDir + "/json-verdicts.txt"

// TestJSONVerdicts: which bytes are refused, and why, is part of the format, since
// a replay must refuse what was refused. So a tokenizer that takes more, or less,
// must not be used, whatever its version says: the file fails the test, and is not
// rewritten to please it.
//
// A line is a payload and its verdict. A line of two payloads has every byte in
// turn between them, and the bytes by verdict.
func TestJSONVerdicts(t *testing.T) {
	file, err := os.ReadFile(verdictsFile)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for lines := bufio.NewScanner(strings.NewReader(string(file))); lines.Scan(); {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			fmt.Fprintln(&out, line)
			continue
		}
		first, rest := quoted(t, line)
		if !strings.HasPrefix(rest, ` "`) {
			fmt.Fprintf(&out, "%s %s\n", strconv.QuoteToASCII(first), verdict(t, first))
			continue
		}
		second, _ := quoted(t, rest[1:])
		fmt.Fprintf(&out, "%s %s%s\n", strconv.QuoteToASCII(first), strconv.QuoteToASCII(second), verdicts(t, first, second))
	}
	testkit.Golden(t, verdictsFile, out.String())
}

// quoted reads the payload that a line begins with.
func quoted(t testing.TB, line string) (payload, rest string) {
	t.Helper()
	q, err := strconv.QuotedPrefix(line)
	if err == nil {
		payload, err = strconv.Unquote(q)
	}
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return payload, line[len(q):]
}

func verdict(t *testing.T, payload string) string {
	t.Helper()
	var c Command
	if why := reason(t, Decode(target(UserSent), []byte(payload), &c)); why != "" {
		return why
	}
	return "accepted"
}

// verdicts are those on every byte between two halves of a payload, as ranges.
func verdicts(t *testing.T, before, after string) string {
	t.Helper()
	var out strings.Builder
	for from := 0; from < 256; {
		said := verdict(t, before+string([]byte{byte(from)})+after)
		to := from
		for to < 255 && verdict(t, before+string([]byte{byte(to + 1)})+after) == said {
			to++
		}
		fmt.Fprintf(&out, "; %02x-%02x %s", from, to, said)
		from = to + 1
	}
	return out.String()
}
