package projector_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// TestScenarios plays every file of testdata/scenarios: commands and
// questions, and below ---- what came of them. The README there says how to
// read and write one. After the last line the log is folded once more into an
// empty store, which must come out the same.
func TestScenarios(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	files, err := filepath.Glob("../testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios (%v)", err)
	}
	url := natstest.Start(t).URL()
	for i, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			script := testkit.Must(os.ReadFile(file))(t)
			w := newWorld(t, url, fmt.Sprintf("s%d", i+1))
			after := play(w, string(script))
			w.checkReplay()
			testkit.Golden(t, file, after)
		})
	}
}

// play runs a script and returns it with the outcomes that came.
func play(w *world, script string) string {
	var out strings.Builder
	var block []string
	old := false // within the outcomes of before
	run := func() {
		if len(block) > 0 {
			out.WriteString("----\n" + w.run(block))
		}
		block = nil
	}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, " \n")
		switch {
		case line == "":
			run()
			old = false
		case line == "----":
			run()
			old = true
		case old:
			continue
		case !strings.HasPrefix(line, "#"):
			block = append(block, line)
		}
		if !old {
			out.WriteString(line + "\n")
		}
	}
	run()
	return out.String()
}

// run plays one block.
func (w *world) run(block []string) string {
	if block[0] == "batch" {
		return w.batch(block[1:])
	}
	var out strings.Builder
	for _, line := range block {
		w.line = line
		words := strings.Fields(line)
		if d, ok := w.directive(words[0], words[1:]); ok {
			out.WriteString(d)
			continue
		}
		subject, payload, _ := strings.Cut(line, " ")
		if len(block) > 1 {
			out.WriteString(shorten(subject) + " ")
		}
		out.WriteString(w.command(subject, payload))
	}
	return out.String()
}

// directive answers a line that is not a command.
func (w *world) directive(name string, args []string) (out string, ok bool) {
	want, ok := map[string]int{
		"show": 1, "conversation": 2, "totals": 1, "explain": 2, "receipt": 2,
		"threads": 1, "thread": 2, "filters": 1, "group-receipts": 3, "readers": 3,
		"status": 0, "watch": 1, "restart": 0, "fanout-limit": 1,
	}[name]
	if !ok {
		return "", false
	}
	if len(args) < want {
		w.Fatalf("%s: %d words are missing", w.line, want-len(args))
	}
	switch name {
	case "restart":
		before := w.state()
		w.stop()
		w.start()
		w.same("a restart", before)
		return w.render(w.events()), true
	case "fanout-limit":
		limit, err := strconv.ParseUint(args[0], 10, 64)
		w.check(err)
		w.stop()
		w.limit = limit
		w.start()
		return "ok\n", true
	case "watch":
		until, err := w.projector.Watch(args[0])
		w.check(err)
		return fmt.Sprintf("for %d s\n", (int64(until)-now()+999)/1000), true
	}
	return w.ask(name, args), true
}

// command publishes one command and says what came of it.
func (w *world) command(subject, payload string) string {
	before := w.counters()
	seq := w.publish(expand(subject, 0), w.payload(expand(payload, 0), w.last+1))
	w.wait(seq)
	after := w.counters()
	outcome := "applied"
	switch {
	case after.refused > before.refused:
		outcome = "refused"
	case after.ignored > before.ignored:
		outcome = "ignored"
	}
	all := w.events()
	if rejected := slices.ContainsFunc(all, func(h heard) bool { return h.rejected != nil }); rejected != (outcome == "refused") {
		w.Errorf("%s: %s, but reported as rejected: %v", w.line, outcome, rejected)
	}
	out := fmt.Sprintf("%d %s\n", seq, outcome) + w.render(all)
	w.audit()
	return out
}

// batch publishes several commands before it waits. How their events merge is
// a matter of time, so it says what listeners know in the end.
func (w *world) batch(lines []string) string {
	before, first := w.counters(), w.last+1
	for _, line := range lines {
		w.line = line
		n := 1
		if rest, ok := strings.CutPrefix(line, "repeat "); ok {
			var count string
			count, line, _ = strings.Cut(rest, " ")
			var err error
			n, err = strconv.Atoi(count)
			w.check(err)
		}
		for i := range n {
			subject, payload, _ := strings.Cut(line, " ")
			w.publishAsync(expand(subject, i+1), w.payload(expand(payload, i+1), w.last+1))
		}
	}
	w.flush()
	w.wait(w.last)
	after := w.counters()
	refused, ignored := after.refused-before.refused, after.ignored-before.ignored
	out := fmt.Sprintf("%d to %d: %d applied, %d ignored, %d refused\n", first, w.last, uint64(w.last-first)+1-ignored-refused, ignored, refused)
	return out + w.outcomes(w.events())
}

var repeated = regexp.MustCompile(`\{\{(.*?)\*(\d+)\}\}`)

// expand writes {{text*n}} as n times the text. A # in it is the number of
// the time, from 1; elsewhere it is i, if that is not 0.
func expand(s string, i int) string {
	s = repeated.ReplaceAllStringFunc(s, func(macro string) string {
		part := repeated.FindStringSubmatch(macro)
		n, _ := strconv.Atoi(part[2])
		var out strings.Builder
		for k := range n {
			out.WriteString(strings.ReplaceAll(part[1], "#", strconv.Itoa(k+1)))
		}
		return out.String()
	})
	if i > 0 {
		s = strings.ReplaceAll(s, "#", strconv.Itoa(i))
	}
	return s
}

// payload reads a command's payload: JSON, "msgpack" and JSON, or "bytes" and
// hexadecimal digits. An object without "at" is given one: 1,000 times the
// command's seq.
func (w *world) payload(s string, seq events.Seq) []byte {
	if digits, ok := strings.CutPrefix(s, "bytes "); ok {
		b, err := hex.DecodeString(digits)
		w.check(err)
		return b
	}
	s, packed := strings.CutPrefix(s, "msgpack ")
	var fields map[string]any
	if json.Unmarshal([]byte(s), &fields) == nil && !hasKey(fields, "at") {
		comma := ","
		if len(fields) == 0 {
			comma = ""
		}
		s = fmt.Sprintf(`%s%s"at":%d}`, strings.TrimSuffix(s, "}"), comma, seq*1000)
	}
	if !packed {
		return []byte(s)
	}
	w.check(json.Unmarshal([]byte(s), &fields))
	b, err := msgpack.Marshal(whole(fields))
	w.check(err)
	return b
}

func hasKey(m map[string]any, key string) bool { _, ok := m[key]; return ok }

// whole makes integers of the numbers that JSON read as floats.
func whole(m map[string]any) map[string]any {
	for k, v := range m {
		if f, ok := v.(float64); ok {
			m[k] = int64(f)
		}
	}
	return m
}
