package events

import "bytes"

// jsonTokens reads one JSON value token by token, as RFC 8259 has it and no
// laxer: UTF-8 only, no surrogate without its other half, no name twice in one
// object whatever its spelling, nothing deeper than maxJSONDepth. It does not
// recurse and keeps no copy of the input.
//
// The standard library's decoder is no help here: it takes names that come
// twice and mends what is not UTF-8, and a replay must refuse what was refused.
//
// The zero value is ready for reset.
type jsonTokens struct {
	in []byte
	at int // the end of the last token

	last jsonPlace
	open []jsonOpen // the objects and lists that the next token is in
	seen [][]byte   // the names of the open objects so far, the innermost object's last

	start int  // of the next token, if kind isn't 0
	kind  byte // of the next token, once it is found

	text      []byte // see next
	unescaped []byte // memory for a text that was written with escapes
}

// maxJSONDepth bounds what a reader holds for open objects and lists. Payloads
// are bounded by MaxDepth long before; this is for lines.
const maxJSONDepth = 10_000

// jsonPlace is what the last token was to the object or list it stands in.
type jsonPlace uint8

const (
	afterOpen jsonPlace = iota // its bracket
	afterName
	afterValue
)

// jsonOpen is an object or a list that hasn't ended.
type jsonOpen struct {
	end   byte            // its other bracket
	names int             // how many names were seen outside of it
	many  map[string]bool // its names, once they are more than fewNames
}

// fewNames is how many names of one object are compared one by one.
const fewNames = 64

// syntaxError is why bytes are not the JSON that is read.
type syntaxError struct {
	offset int // of the first byte that can't stand where it does
	reason string
}

func (e *syntaxError) Error() string { return e.reason }

func unexpected(offset int) error { return &syntaxError{offset, reasonJSON} }

// reset begins with other bytes.
func (t *jsonTokens) reset(in []byte) {
	t.in, t.at, t.kind = in, 0, 0
	t.last = afterOpen
	t.close(0)
}

// close drops the objects and lists beyond a depth, and their names.
func (t *jsonTokens) close(depth int) {
	if depth == len(t.open) {
		return
	}
	kept := t.open[depth].names
	clear(t.seen[kept:])
	clear(t.open[depth:])
	t.seen, t.open = t.seen[:kept], t.open[:depth]
}

// depth is how many objects and lists are open.
func (t *jsonTokens) depth() int { return len(t.open) }

// atEnd reports whether nothing but white space follows.
func (t *jsonTokens) atEnd() bool { return t.space(t.at) == len(t.in) }

// peek returns the kind of the next token: the bracket itself, '"' for a
// string, '0' for a number, 't', 'f' or 'n' for what begins like a literal, 0
// if there is none or it stands in a wrong place; then next says why.
func (t *jsonTokens) peek() byte {
	if t.kind == 0 && t.find() != nil {
		return 0
	}
	return t.kind
}

// next passes over the next token. If that is a string, text is what it says;
// if it is a number, its digits. text is good until the next call.
func (t *jsonTokens) next() error {
	if t.kind == 0 {
		if err := t.find(); err != nil {
			return err
		}
	}
	var err error
	start, end, kind := t.start, t.start+1, t.kind
	switch kind {
	case '}', ']':
		return t.leave()
	case '"':
		end, err = t.readString(start)
	case '0':
		end, err = t.readNumber(start)
	case 't':
		end, err = t.readLiteral(start, "true")
	case 'f':
		end, err = t.readLiteral(start, "false")
	case 'n':
		end, err = t.readLiteral(start, "null")
	}
	place := afterValue
	if err == nil && t.atName() {
		place = afterName
		if kind != '"' {
			err = unexpected(start)
		} else if !t.addName(bytes.IndexByte(t.in[start:end], '\\') >= 0) {
			err = &syntaxError{start, reasonTwice}
		}
	}
	if err != nil {
		return err
	}
	if kind == '{' || kind == '[' {
		return t.enter()
	}
	t.at, t.last, t.kind = end, place, 0
	return nil
}

// skip passes over the next value, which must not nest deeper than a depth.
func (t *jsonTokens) skip(deepest int) error {
	for outer := t.depth(); ; {
		if err := t.next(); err != nil {
			return err
		}
		switch depth := t.depth(); {
		case depth > deepest:
			return &syntaxError{t.at, reasonDepth}
		case depth <= outer:
			return nil
		}
	}
}

// find finds the next token behind white space and the comma or colon that has
// to stand before it.
func (t *jsonTokens) find() error {
	at := t.space(t.at)
	first, delimiter := at, byte(0)
	if at < len(t.in) && (t.in[at] == ',' || t.in[at] == ':') {
		delimiter = t.in[at]
		at = t.space(at + 1)
	}
	begin := byte('"') // bytes that end here might have gone on with a string
	if at < len(t.in) {
		begin = t.in[at]
	}
	if delimiter != t.delimiter(begin) {
		return unexpected(first)
	}
	kind := jsonKind(begin)
	if at == len(t.in) || kind == 0 {
		return unexpected(at)
	}
	t.start, t.kind = at, kind
	return nil
}

// space returns where the white space ends that begins at an offset.
func (t *jsonTokens) space(at int) int {
	for at < len(t.in) && (t.in[at] == ' ' || t.in[at] == '\n' || t.in[at] == '\t' || t.in[at] == '\r') {
		at++
	}
	return at
}

// delimiter is what has to stand before a token that begins with a byte.
func (t *jsonTokens) delimiter(begin byte) byte {
	switch {
	case t.last == afterName:
		return ':'
	case t.last == afterValue && begin != '}' && begin != ']':
		return ','
	}
	return 0
}

func jsonKind(begin byte) byte {
	switch begin {
	case '{', '}', '[', ']', '"', 't', 'f', 'n':
		return begin
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return 0
}

// atName reports whether an object has to go on with a name.
func (t *jsonTokens) atName() bool {
	return len(t.open) > 0 && t.open[len(t.open)-1].end == '}' && t.last != afterName
}

// enter passes over the bracket that an object or a list begins with.
func (t *jsonTokens) enter() error {
	if len(t.open) == maxJSONDepth {
		return unexpected(t.start)
	}
	t.open = append(t.open, jsonOpen{end: t.kind + 2, names: len(t.seen)}) // ASCII has { two before }, [ two before ]
	t.at, t.last, t.kind = t.start+1, afterOpen, 0
	return nil
}

// leave passes over the bracket that an object or a list ends with.
func (t *jsonTokens) leave() error {
	inner := len(t.open) - 1
	if inner < 0 || t.open[inner].end != t.kind || t.last == afterName {
		return unexpected(t.start)
	}
	t.close(inner)
	t.at, t.last, t.kind = t.start+1, afterValue, 0
	return nil
}

// addName notes that the innermost object has the name in text; not if it has
// it already. A name that isn't as it stands in the input is copied.
func (t *jsonTokens) addName(escaped bool) bool {
	object := &t.open[len(t.open)-1]
	if object.many != nil {
		known := object.many[string(t.text)]
		object.many[string(t.text)] = true
		return !known
	}
	names := t.seen[object.names:]
	for _, name := range names {
		if bytes.Equal(name, t.text) {
			return false
		}
	}
	name := t.text
	if escaped {
		name = bytes.Clone(name)
	}
	t.seen = append(t.seen, name)
	if len(names) < fewNames {
		return true
	}
	object.many = make(map[string]bool)
	for _, name := range t.seen[object.names:] {
		object.many[string(name)] = true
	}
	return true
}

// readLiteral returns where a literal ends.
func (t *jsonTokens) readLiteral(start int, word string) (end int, err error) {
	for i := range len(word) {
		if at := start + i; at == len(t.in) || t.in[at] != word[i] {
			return 0, unexpected(at)
		}
	}
	return start + len(word), nil
}

// readNumber returns where a number ends, whose text it sets.
func (t *jsonTokens) readNumber(start int) (end int, err error) {
	from := start // of the digits read last
	if t.in[from] == '-' {
		from++
	}
	if end = from; end < len(t.in) && t.in[end] == '0' {
		end++
	} else {
		end = t.digits(from)
	}
	if end > from && end < len(t.in) && t.in[end] == '.' {
		from = end + 1
		end = t.digits(from)
	}
	if end > from && end < len(t.in) && (t.in[end] == 'e' || t.in[end] == 'E') {
		if from = end + 1; from < len(t.in) && (t.in[from] == '-' || t.in[from] == '+') {
			from++
		}
		end = t.digits(from)
	}
	switch {
	case end > from:
		t.text = t.in[start:end]
		return end, nil
	case end == len(t.in): // the number isn't whole
		return 0, unexpected(start)
	}
	return 0, unexpected(end)
}

// digits returns where the digits end that begin at an offset.
func (t *jsonTokens) digits(at int) int {
	for at < len(t.in) && '0' <= t.in[at] && t.in[at] <= '9' {
		at++
	}
	return at
}
