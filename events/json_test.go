package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"reddot/projector/testkit"
)

// TestJSONTokens compares the tokenizer with the library on JSON and what is a
// little wrong, and checks all that reads with it.
func TestJSONTokens(t *testing.T) {
	texts := corpus(t)
	for _, b := range texts {
		checkTokens(t, b)
	}
	for _, b := range deepTexts() {
		checkTokens(t, b)
	}
	for _, b := range manyNames() {
		checkTokens(t, b)
	}
	m := mutator{testkit.Rand(t)}
	for range testkit.Effort(20_000) {
		verb := Verbs()[m.IntN(len(Verbs()))]
		b := m.text(verb, texts)
		checkTokens(t, b)
		checkDecode(t, verb, b)
		checkSplitDo(t, b)
		checkLine(t, b)
		if t.Failed() {
			return
		}
	}
}

func FuzzJSONTokens(f *testing.F) {
	for _, b := range corpus(f) {
		if len(b) < 500 {
			f.Add(b)
		}
	}
	f.Fuzz(checkTokens)
}

// TestJSONStrings: what is written is escaped where JSON wants it and nowhere
// else, and reads as it was.
func TestJSONStrings(t *testing.T) {
	for text, want := range map[string]string{
		"":                      `""`,
		"\x00\x01\x0b\x0e\x1f":  `"\u0000\u0001\u000b\u000e\u001f"`,
		"\b\t\n\f\r":            `"\b\t\n\f\r"`,
		`a"b\c/d`:               `"a\"b\\c/d"`,
		" <&>'\x7f":             "\" <&>'\x7f\"",
		"é\u2028\u2029\ufffd名😀": "\"é\u2028\u2029\ufffd名😀\"",
	} {
		got := appendJSONString([]byte("x"), text)
		if string(got) != "x"+want {
			t.Errorf("%q is written as %s, want %s", text, got[1:], want)
		}
		if read, err := byTokens(got[1:]); err != nil || !slices.Equal(read, []string{`"` + text}) {
			t.Errorf("%s reads as %q, %v, want %q", got[1:], read, err, text)
		}
	}
}

// deepTexts nest about as deep as may be.
func deepTexts() (texts [][]byte) {
	for _, n := range []int{MaxDepth, maxJSONDepth - 1, maxJSONDepth, maxJSONDepth + 1} {
		texts = append(texts,
			[]byte(strings.Repeat("[", n)+strings.Repeat("]", n)),
			[]byte(strings.Repeat(`{"x":`, n)+"1"+strings.Repeat("}", n)),
			[]byte(strings.Repeat("[", n)))
	}
	return texts
}

// manyNames are objects with about as many names as are compared one by one, of
// which one may come twice, and with objects between them.
func manyNames() (texts [][]byte) {
	for _, n := range []int{fewNames - 1, fewNames, fewNames + 1, fewNames + 2, 5 * fewNames} {
		for _, again := range []int{0, n - 1, n} {
			for _, spelling := range []string{`n%d`, `\u006e%d`} {
				var b strings.Builder
				for i := range n {
					fmt.Fprintf(&b, `"n%d":{"n%d":{}},`, i, i)
				}
				fmt.Fprintf(&b, `"`+spelling+`":1`, again)
				texts = append(texts, []byte("[{"+b.String()+"}]"), []byte(`{"x":{`+b.String()+`,"y":[]},"y":0}`))
			}
		}
	}
	return texts
}

// checkTokens wants the tokenizer to take what is JSON to the library, UTF-8 and
// without a name that comes twice, to read the same in it, and to take nothing
// else.
func checkTokens(t *testing.T, b []byte) {
	t.Helper()
	got, err := byTokens(b)
	want, refused := byLibrary(b)
	if refused == errUnclear {
		return
	}
	if (err == nil) != (refused == nil) || err == nil && !slices.Equal(got, want) {
		t.Fatalf("%q: tokens %.300q, %v; the library has %.300q, %v", b, got, err, want, refused)
	}
	if refused == errTwice && err.Error() != reasonTwice {
		t.Fatalf("%q: %v, yet %v", b, err, refused)
	}
	if len(b) == 0 || b[0] != '{' || len(b) > MaxPayload {
		return
	}
	var c Command
	said := reason(t, Decode(target(UserSent), b, &c))
	if err != nil && said == "" || err == nil && (said == reasonJSON || said == reasonTwice || said == reasonTrailing) {
		t.Fatalf("%q: tokens %v, decoded %q", b, err, said)
	}
}

// byTokens returns a value's tokens: brackets and literals by their first byte,
// texts behind it.
func byTokens(b []byte) (read []string, err error) {
	var tokens jsonTokens
	tokens.reset(b)
	for {
		kind := tokens.peek()
		if err := tokens.next(); err != nil {
			return nil, err
		}
		token := string(kind)
		if kind == '"' || kind == '0' {
			token += string(tokens.text)
		}
		read = append(read, token)
		if tokens.depth() > 0 {
			continue
		}
		if !tokens.atEnd() {
			return nil, errors.New(reasonTrailing)
		}
		return read, nil
	}
}

var (
	errNotJSON = errors.New("not JSON")
	errTwice   = errors.New("a name comes twice")
	errHalf    = errors.New("half a surrogate, which the library mends")
	errUnclear = errors.New("holds U+FFFD, by itself or mended")
)

// byLibrary returns the same by the library, which says less about what is wrong.
func byLibrary(b []byte) (read []string, err error) {
	if !json.Valid(b) || !utf8.Valid(b) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var w libraryWalk
	for {
		token, err := d.Token()
		if err != nil { // the end, as it is valid
			break
		}
		w.take(token)
	}
	if w.err == errHalf && (bytes.ContainsRune(b, utf8.RuneError) || bytes.Contains(bytes.ToLower(b), []byte(`\ufffd`))) {
		return nil, errUnclear
	}
	return w.read, w.err
}

// libraryWalk writes down what the library reads.
type libraryWalk struct {
	read  []string
	err   error
	open  []map[string]bool // the names of the open objects, nil for a list
	value bool              // the innermost object goes on with a value
}

func (w *libraryWalk) take(token json.Token) {
	var names map[string]bool
	if len(w.open) > 0 {
		names = w.open[len(w.open)-1]
	}
	isName := names != nil && !w.value
	w.value = isName
	switch token := token.(type) {
	case json.Delim:
		w.read = append(w.read, token.String())
		w.value = false
		switch token {
		case '{':
			w.open = append(w.open, map[string]bool{})
		case '[':
			w.open = append(w.open, nil)
		default:
			w.open = w.open[:len(w.open)-1]
		}
	case string:
		w.read = append(w.read, `"`+token)
		switch {
		case strings.ContainsRune(token, utf8.RuneError):
			w.err = errHalf
		case isName && names[token] && w.err == nil:
			w.err = errTwice
		case isName:
			names[token] = true
		}
	case json.Number:
		w.read = append(w.read, "0"+token.String())
	case bool:
		w.read = append(w.read, fmt.Sprint(token)[:1])
	case nil:
		w.read = append(w.read, "n")
	}
}
