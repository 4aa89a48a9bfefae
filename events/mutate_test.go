package events

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reddot/projector/testkit"
)

// corpus is the JSON of the golden files and of the tests' tables.
func corpus(t testing.TB) [][]byte {
	t.Helper()
	var texts [][]byte
	for _, verb := range Verbs() {
		texts = append(texts, []byte(object(verb, nil)), []byte(typical[verb]))
		for name, tests := range fieldTests {
			for _, value := range tests.good {
				texts = append(texts, []byte(object(verb, map[string]string{name: value})))
			}
			for _, bad := range tests.bad {
				for value := range bad {
					texts = append(texts, []byte(object(verb, map[string]string{name: value})))
				}
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		texts = append(texts, bytes.TrimSpace(testkit.Must(os.ReadFile(file))(t)))
	}
	for line := range strings.Lines(string(testkit.Must(os.ReadFile(verdictsFile))(t))) {
		if line[0] != '"' {
			continue
		}
		payload, rest := quoted(t, line)
		if strings.HasPrefix(rest, ` "`) {
			second, _ := quoted(t, rest[1:])
			payload += "," + second
		}
		texts = append(texts, []byte(payload))
	}
	slices.SortFunc(texts, bytes.Compare) // tables are maps: a seed is to choose the same again
	return slices.CompactFunc(texts, bytes.Equal)
}

// line is a payload in a line.
func line(b []byte) []byte {
	return []byte(`{"subject":"unread.cmd.user.a.sent","payload":` + string(b) + `,"x":1}`)
}

// mutator writes JSON, and JSON that is a little wrong.
type mutator struct{ *rand.Rand }

// text is a payload or a line, or nearly one.
func (m mutator) text(verb Verb, texts [][]byte) []byte {
	b := m.command(verb)
	if m.IntN(2) == 0 {
		b = bytes.Clone(texts[m.IntN(len(texts))])
	}
	if m.IntN(4) == 0 {
		b = line(b)
	}
	for range m.IntN(4) {
		b = m.mutate(b, texts)
	}
	return b
}

func (m mutator) pick(of ...string) string { return of[m.IntN(len(of))] }

// What the mutator puts together.
var (
	fieldNames = []string{
		"id", "from", "to", "at", "silent", "hidden", "mentions", "mention_all", "thread", "conversation", "upto", "upto_at", "private",
		"kind", "muted", "users", "own_message", "level", "labels", "add", "remove", "name", "filter", "label", "without", "mentioned", "before", "before_at",
		"expires_at", "threads", "group_receipts", "conversations", "unread", "last_message", "receipt", "blocked", "following", "broadcast", "wait", "timeout_ms", "key", "subject", "payload", "x", "y", "", "ID", "é", "😀", "\u2028",
	}
	spaces  = []string{" ", "\t", "\r\n", "  ", "\n"}
	numbers = []string{
		"0", "-0", "1", "-1", "1.5", "1e3", "1E-2", "9007199254740991", "9007199254740992", "18446744073709551616",
		"99999999999999999999", "30000", "30001", "1.0", "0.0", "-1.5e+10", "01", "1.", ".5", "-", "1e", "1e+", "+1", "0x1", "1_0", "NaN",
	}
	words = []string{
		"", "m1", "bob", "c2c_bob", "group_team", "c2c", "group", "keep", "advance", "stored", "applied", "emitted",
		"a\u0000", "é", "😀", "\u2028", "unread.cmd.user.a.sent", strings.Repeat("x", 256), strings.Repeat("x", 257),
	}
	oddities = []string{ // of strings
		`\ud800`, `\udc00`, `\ud83d\ude00`, `\ud83d\u0041`, `\ud83d`, `\ud83d\ud83d`, `\ud83d\udeg0`, `\u12`, `\u`, `\`, `\x`, `\"`, `\\`, `\/`,
		`\b\f\n\r\t`, "\xff", "\xc3", "\xed\xa0\x80", "\x01", "\x7f", `\u0000`,
	}
	pieces = []string{
		",", ":", "{", "}", "[", "]", `"`, `\`, "-", ".", "e", "0", "nul", "tru", "f", "\xff", "\x00", " ", "/", "//", "/**/", "'",
		"\ufeff", "\u00a0",
	}
)

// command is a payload that a verb may have.
func (m mutator) command(verb Verb) []byte {
	known := strings.Fields(strings.ReplaceAll(payloads[verb], "!", ""))
	parts := []string{}
	for _, name := range known {
		if m.IntN(8) > 0 {
			value := m.value(3)
			if m.IntN(6) > 0 {
				good := testsOf(verb, name).good
				value = good[m.IntN(len(good))]
				if len(value) > 2000 {
					value = "null"
				}
			}
			parts = append(parts, m.name(name)+m.space()+":"+m.space()+value)
		}
	}
	for range m.IntN(3) {
		parts = append(parts, m.name(m.pick(fieldNames...))+":"+m.value(4))
	}
	m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return []byte("{" + m.space() + strings.Join(parts, m.space()+","+m.space()) + m.space() + "}" + m.space())
}

func (m mutator) space() string {
	if m.IntN(4) > 0 {
		return ""
	}
	return m.pick(spaces...)
}

// name spells a name.
func (m mutator) name(s string) string {
	if m.IntN(5) > 0 {
		return `"` + s + `"`
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x10000 && m.IntN(2) == 0:
			fmt.Fprintf(&b, m.pick(`\u%04x`, `\u%04X`), r)
		case r >= 0x10000 && m.IntN(2) == 0:
			fmt.Fprintf(&b, m.pick(`\u%04x\u%04x`, `\u%04X\u%04x`), 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// value is any, with so many levels below it.
func (m mutator) value(depth int) string {
	switch n := m.IntN(12); {
	case n < 2:
		return m.pick("null", "true", "false")
	case n < 4:
		return m.pick(numbers...)
	case n < 8:
		return m.name(m.pick(words...))
	case n == 8:
		return `"` + m.pick(oddities...) + `"`
	case depth == 0:
		return m.pick("[]", "{}", "[ ]", "{ }")
	case n < 10:
		var parts []string
		for range m.IntN(4) {
			parts = append(parts, m.value(depth-1))
		}
		return "[" + m.space() + strings.Join(parts, m.space()+",") + "]"
	case m.IntN(20) == 0:
		n := m.IntN(20)
		return strings.Repeat("[", n) + strings.Repeat("]", n)
	case m.IntN(20) == 0:
		var parts []string
		for i := range m.IntN(200) {
			parts = append(parts, m.name(fmt.Sprint("f", i))+":0")
		}
		parts = append(parts, m.name(fmt.Sprint("f", m.IntN(300)))+`:{"f1":2}`)
		m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		return "{" + strings.Join(parts, ",") + "}"
	}
	var parts []string
	for range m.IntN(4) {
		parts = append(parts, m.name(m.pick(fieldNames...))+m.space()+":"+m.value(depth-1))
	}
	return "{" + m.space() + strings.Join(parts, ",") + m.space() + "}"
}

// mutate does one thing to a text.
func (m mutator) mutate(b []byte, texts [][]byte) []byte {
	if len(b) == 0 {
		return []byte("{")
	}
	i := m.IntN(len(b))
	j := i + m.IntN(min(len(b)-i, 1+m.IntN(20)))
	cut := func(piece string) []byte { return slices.Concat(b[:i], []byte(piece), b[j:]) }
	switch m.IntN(9) {
	case 0:
		return b[:i]
	case 1:
		return cut("")
	case 2:
		return cut(string(b[i:j]) + string(b[i:j]))
	case 3:
		b = bytes.Clone(b)
		b[i] = byte(m.IntN(256))
		return b
	case 4:
		return cut(m.value(3))
	case 5:
		j = i
		return cut(m.pick(pieces...))
	case 6:
		other := texts[m.IntN(len(texts))]
		if len(other) > 1000 {
			return b
		}
		k := m.IntN(len(other) + 1)
		return slices.Concat(b[:i], other[k:])
	case 7:
		b = bytes.Clone(b)
		b[i] = m.pick(pieces...)[0]
		return b
	}
	return slices.Concat([]byte("{"), []byte(m.name(m.pick(fieldNames...))), []byte(":"), b[i:])
}
