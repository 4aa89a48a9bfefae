package events

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	differFor  = flag.Duration("differ", time.Second, "how long to compare")
	differSeed = flag.Uint64("differ-seed", 0, "seed")
)

// corpus is every JSON text of the golden files and tests.
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
	err := filepath.WalkDir("../testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".json", ".jsonl", ".ndjson", ".txt":
		default:
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n := 0
		for line := range bytes.Lines(data) {
			if filepath.Base(path) == "json-verdicts.txt" {
				if len(line) > 1 && line[0] == '"' {
					payload, rest := quoted(t, strings.TrimSpace(string(line)))
					if strings.HasPrefix(rest, ` "`) {
						second, _ := quoted(t, rest[1:])
						payload += "," + second
					}
					texts = append(texts, []byte(payload))
				}
				continue
			}
			if i := bytes.IndexByte(line, '{'); i >= 0 && n < 300 {
				texts = append(texts, bytes.TrimSpace(line[i:]))
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fuzzed, _ := filepath.Glob("testdata/fuzz/*/*")
	for _, f := range fuzzed {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, data)
	}
	return texts
}

type differ struct {
	fresh Decoder
	old   oldDecoder
	line  *LineParser
	first oldLineParser
	walk  oldLineParser
	n     map[string]int
}

func newDiffer(t testing.TB) *differ {
	return &differ{line: NewLineParser(unread(t)), walk: oldLineParser{walk: true}, n: map[string]int{}}
}

func text(err error) string {
	if err == nil {
		return "accepted"
	}
	return fmt.Sprintf("%T %v", err, err)
}

func (d *differ) compare(t testing.TB, verb Verb, b []byte) {
	t.Helper()
	var one, other Command
	e1, e2 := d.fresh.Decode(target(verb), b, &one), d.old.Decode(target(verb), b, &other)
	if text(e1) != text(e2) || e1 == nil && !reflect.DeepEqual(one, other) {
		t.Fatalf("decode %v %q:\nnew %s %+v\nold %s %+v", verb, b, text(e1), one, text(e2), other)
	}
	d.count("decode", e1)
	r1, rest1, e1 := SplitRequest(b)
	r2, rest2, e2 := oldSplitRequest(b)
	if text(e1) != text(e2) || e1 == nil && (r1 != r2 || !bytes.Equal(rest1, rest2)) {
		t.Fatalf("request %q:\nnew %s %+v %q\nold %s %+v %q", b, text(e1), r1, rest1, text(e2), r2, rest2)
	}
	d.count("request", e1)
	s1, p1, e1 := d.line.split(b)
	s2, p2, e2 := d.walk.split(b)
	if text(e1) != text(e2) || e1 == nil && (s1 != s2 || !bytes.Equal(p1, p2) || cap(p1) != cap(p2)) {
		t.Fatalf("line %q:\nnew %s %q %q\nold %s %q %q", b, text(e1), s1, p1, text(e2), s2, p2)
	}
	d.count("line", e1)
	s2, p2, e2 = d.first.split(b)
	if (e1 == nil) != (e2 == nil) || e1 == nil && (s1 != s2 || !bytes.Equal(p1, p2)) || e1 != nil && withoutOffset(e1) != withoutOffset(e2) {
		t.Fatalf("line %q:\nnew %s %q %q\nold %s %q %q", b, text(e1), s1, p1, text(e2), s2, p2)
	}
	if text(e1) != text(e2) {
		d.n["line: another offset"]++
	}
	if quoted, err := jsontext.AppendQuote(nil, b); err == nil && !bytes.Equal(quoted, appendJSONString(nil, string(b))) {
		t.Fatalf("quote %q: new %s, old %s", b, appendJSONString(nil, string(b)), quoted)
	}
}

// withoutOffset is an error without an offset.
func withoutOffset(err error) string {
	before, _, _ := strings.Cut(err.Error(), "at byte ")
	return before
}

func (d *differ) count(what string, err error) {
	switch {
	case err == nil:
		d.n[what+": accepted"]++
	case strings.Contains(err.Error(), "well-formed"):
		d.n[what+": no JSON"]++
	default:
		d.n[what+": refused for another reason"]++
	}
	if inv, ok := errors.AsType[*Invalid](err); ok && !strings.HasPrefix(inv.Reason, "unknown field") {
		d.n["reason "+inv.Reason[:min(len(inv.Reason), 40)]]++
	}
}

func TestDifferential(t *testing.T) {
	texts := corpus(t)
	d := newDiffer(t)
	for _, b := range texts {
		for _, verb := range Verbs() {
			d.compare(t, verb, b)
		}
		d.compare(t, UserSent, line(b))
	}
	for _, n := range []int{15, 16, 17, 9_997, 9_998, 9_999, 10_000, 10_001, 10_002} {
		for _, deep := range []string{
			strings.Repeat("[", n) + strings.Repeat("]", n), strings.Repeat("[", n), strings.Repeat(`{"x":`, n) + "1" + strings.Repeat("}", n),
			strings.Repeat(`{"x":`, n), strings.Repeat(`{"x":[`, n/2) + "1" + strings.Repeat("]}", n/2),
		} {
			d.compare(t, UserSent, []byte(`{"id":"m","to":"b","x":`+deep+`}`))
			d.compare(t, UserSent, line([]byte(`{"x":`+deep+`}`)))
			d.compare(t, UserSent, line([]byte(`{},"y":`+deep)))
		}
	}
	for _, n := range []int{62, 63, 64, 65, 66, 67, 500} {
		for _, twice := range []int{0, 1, 60, 61, 62, 63, 64, 65, 66, 67, 300, 500} {
			var names strings.Builder
			for i := range n {
				fmt.Fprintf(&names, `"n%d":{"n%d":0},`, i, i)
			}
			for _, name := range []string{`n%d`, `\u006e%d`} {
				text := "{" + names.String() + fmt.Sprintf(`"`+name+`":1`, twice) + "}"
				d.compare(t, UserSent, []byte(text))
				d.compare(t, UserSent, []byte(`{"id":"m","to":"b","x":[1,`+text+`,`+text+`]}`))
				d.compare(t, UserSent, line([]byte(text)))
			}
		}
	}
	seed := *differSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d texts, seed %d", len(texts), seed)
	m := mutator{rand.New(rand.NewPCG(seed, 0))}
	rounds := 0
	for end := time.Now().Add(*differFor); time.Now().Before(end); rounds++ {
		verb := Verbs()[m.IntN(len(Verbs()))]
		var b []byte
		if m.IntN(2) == 0 {
			b = bytes.Clone(texts[m.IntN(len(texts))])
			if len(b) > 3000 && m.IntN(50) > 0 {
				continue
			}
		} else {
			b = m.command(verb)
		}
		if m.IntN(4) == 0 {
			b = line(b)
		}
		for range m.IntN(4) {
			b = m.mutate(b, texts)
		}
		d.compare(t, verb, b)
	}
	t.Logf("%d rounds", rounds)
	for what, n := range d.n {
		t.Logf("%9d %s", n, what)
	}
}

func line(b []byte) []byte {
	return []byte(`{"subject":"unread.cmd.user.a.sent","payload":` + string(b) + `,"x":1}`)
}

// mutator writes JSON, and JSON that is a little wrong.
type mutator struct{ *rand.Rand }

func (m mutator) pick(of ...string) string { return of[m.IntN(len(of))] }

var fieldNames = []string{
	"id", "from", "to", "at", "silent", "hidden", "mentions", "mention_all", "thread", "conversation", "upto", "upto_at", "private",
	"kind", "muted", "users", "own_message", "wait", "timeout_ms", "key", "subject", "payload", "x", "y", "", "ID", "é", "😀", "\u2028",
}

func (m mutator) command(verb Verb) []byte {
	known := strings.Fields(strings.ReplaceAll(payloads[verb], "!", ""))
	parts := []string{}
	for _, name := range known {
		if m.IntN(8) > 0 {
			value := m.value(3)
			if m.IntN(6) > 0 {
				good := fieldTests[name].good
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
	return m.pick(" ", "\t", "\r\n", "  ", "\n")
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

func (m mutator) value(depth int) string {
	switch n := m.IntN(12); {
	case n < 2:
		return m.pick("null", "true", "false")
	case n < 4:
		return m.pick("0", "-0", "1", "-1", "1.5", "1e3", "1E-2", "9007199254740991", "9007199254740992", "18446744073709551616",
			"99999999999999999999", "30000", "30001", "1.0", "0.0", "-1.5e+10", "01", "1.", ".5", "-", "1e", "1e+", "+1", "0x1", "1_0", "NaN")
	case n < 8:
		return m.name(m.pick("", "m1", "bob", "c2c_bob", "group_team", "c2c", "group", "keep", "advance", "stored", "applied", "emitted",
			"a\u0000", "é", "😀", "\u2028", "unread.cmd.user.a.sent", strings.Repeat("x", 256), strings.Repeat("x", 257)))
	case n == 8:
		return `"` + m.pick(`\ud800`, `\udc00`, `\ud83d\ude00`, `\ud83d\u0041`, `\ud83d`, `\ud83d\ud83d`, `\ud83d\udeg0`, `\u12`, `\u`, `\`, `\x`, `\"`, `\\`, `\/`, `\b\f\n\r\t`, "\xff", "\xc3", "\xed\xa0\x80", "\x01", "\x7f", `\u0000`) + `"`
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
	cut := func(piece string) []byte { return slicesConcat(b[:i], []byte(piece), b[j:]) }
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
		return cut(m.pick(",", ":", "{", "}", "[", "]", `"`, `\`, "-", ".", "e", "0", "nul", "tru", "f", "\xff", "\x00", " ", "/", "//", "/**/", "'", "\ufeff", "\u00a0"))
	case 6:
		other := texts[m.IntN(len(texts))]
		if len(other) > 1000 {
			return b
		}
		k := m.IntN(len(other) + 1)
		return slicesConcat(b[:i], other[k:])
	case 7:
		b = bytes.Clone(b)
		b[i] = m.pick(",", ":", "{", "}", "[", "]", `"`, `\`, "0", " ")[0]
		return b
	}
	return slicesConcat([]byte("{"), []byte(m.name(m.pick(fieldNames...))), []byte(":"), b[i:])
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func FuzzDifferential(f *testing.F) {
	for i, b := range corpus(f) {
		if len(b) < 500 {
			f.Add(uint8(i%15+1), b)
		}
	}
	d := newDiffer(f)
	f.Fuzz(func(t *testing.T, verb uint8, b []byte) {
		d.compare(t, Verb(verb%16), b)
	})
}
