package events

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The reasons of payloads that are refused as a whole. They are reported on
// the rejected subject and are the same at every replay, so no library's text is
// ever part of one.
const (
	reasonSize     = "payload is larger than 256 KiB"
	reasonForm     = "payload is neither a JSON object nor a msgpack map"
	reasonJSON     = "payload is not well-formed JSON"
	reasonMsgpack  = "payload is not well-formed msgpack"
	reasonShort    = "payload ends inside a value"
	reasonTrailing = "payload goes on after its value"
	reasonDepth    = "payload is nested deeper than 16"
	reasonItems    = "payload has a list or map that is too long"
	reasonExt      = "payload has a msgpack extension"
	reasonTwice    = "payload has a field twice"
	reasonName     = "payload has a field whose name is not a string"
	reasonNameUTF8 = "payload has a field whose name is not UTF-8"
)

// Decoder decodes payloads one after the other with memory of its own that it
// uses again. The zero value is ready. It is not safe for concurrent use.
type Decoder struct {
	json jsonTokens // over the caller's payload

	seen, have fieldSet // of the payload at hand: named; with a value other than null
	unknown    [][]byte // names of unknown fields; they point into the payload
}

// Decode fills c from the payload of a command to t: a JSON object if the
// first byte is '{', else a msgpack map; no bytes at all are an empty object.
// c keeps nothing of the payload's memory; its lists use again the memory
// they had. Errors are *Invalid; after one, c holds nothing of use.
func (d *Decoder) Decode(t Target, payload []byte, c *Command) error {
	c.reset(t)
	switch {
	case t.Verb == NoVerb || t.Verb >= verbs:
		return invalid("unknown verb")
	case len(payload) > MaxPayload:
		return invalid(reasonSize)
	}
	d.seen, d.have = 0, 0
	if len(payload) > 0 {
		var err error
		if payload[0] == '{' {
			err = d.decodeJSON(payload, c)
		} else {
			err = d.decodeMsgpack(payload, c)
		}
		if err != nil {
			return err
		}
	}
	if err := missing(forms[t.Verb].required &^ d.have); err != nil {
		return err
	}
	return c.checkPlace()
}

// Decode is [Decoder.Decode] with a decoder of its own: for a command now and
// then.
func Decode(t Target, payload []byte, c *Command) error {
	return new(Decoder).Decode(t, payload, c)
}

// Decode fills c from a command's subject and payload. Errors are *Invalid.
func (s Subjects) Decode(subject string, payload []byte, c *Command) error {
	t, err := s.ParseCommand(subject)
	if err != nil {
		c.reset(Target{})
		return err
	}
	return Decode(t, payload, c)
}

// meet notes that the payload names a field, and returns it; noField if the
// verb doesn't know it and its form is open.
func (d *Decoder) meet(verb Verb, name []byte) (field, error) {
	form := &forms[verb]
	f := form.field(name)
	if f == noField {
		if !form.open {
			return noField, unknownField(name)
		}
		return noField, nil
	}
	if d.seen.has(f) {
		return noField, invalid(reasonTwice)
	}
	d.seen |= 1 << f
	return f, nil
}

// maxNamed is how much of an unknown field's name a reason repeats: bytes.
const maxNamed = 64

// unknownField refuses a field that the verb doesn't have. The reason is ASCII
// whatever the name is, so that no table of Unicode has a part in it.
func unknownField(name []byte) error {
	switch {
	case !utf8.Valid(name):
		return invalid(reasonNameUTF8)
	case len(name) <= maxNamed:
		return invalid("unknown field " + strconv.QuoteToASCII(string(name)))
	}
	end := maxNamed
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return invalid("unknown field " + strconv.QuoteToASCII(string(name[:end])) + "...")
}

// checkUnknown refuses a name that two unknown fields share and forgets the
// names. Sorting keeps a payload of nothing but names cheap.
func (d *Decoder) checkUnknown() error {
	if len(d.unknown) == 0 {
		return nil
	}
	names := d.unknown
	slices.SortFunc(names, bytes.Compare)
	var err error
	for i, name := range names {
		if i > 0 && bytes.Equal(names[i-1], name) {
			err = invalid(reasonTwice)
		}
		if !utf8.Valid(name) {
			err = invalid(reasonNameUTF8)
			break
		}
	}
	clear(names)
	d.unknown = names[:0]
	return err
}

// missing refuses a payload that lacks required fields.
func missing(lacking fieldSet) error {
	if lacking == 0 {
		return nil
	}
	for f := range fields {
		if lacking.has(f) {
			return invalid(fieldSpecs[f].name + " is missing")
		}
	}
	return nil
}

// wrongType refuses a value of a type that the field doesn't take.
func wrongType(f field) error {
	spec := &fieldSpecs[f]
	switch spec.shape {
	case shapeFlag:
		return invalid(spec.name + " is neither true nor false")
	case shapeTime:
		return invalid(spec.name + " is not an integer")
	case shapeList, shapeRecords:
		return invalid(spec.name + " is not a list")
	case shapeRecord:
		return invalid(spec.name + " is not an object")
	default:
		return invalid(spec.name + " is not a string")
	}
}

// wrongEntry refuses a list's entry that is no string.
func wrongEntry(f field) error { return invalid(fieldSpecs[f].entry + " is not a string") }

// setString fills a field of shapeID or shapeWord with a copy of b.
func (c *Command) setString(f field, b []byte) error {
	spec := &fieldSpecs[f]
	if spec.shape == shapeWord {
		return spec.word.set(c, string(b))
	}
	s := spec.id(c)
	*s = string(b)
	return CheckID(spec.name, *s)
}

// setTime fills a field of shapeTime.
func (c *Command) setTime(f field, ms uint64) error {
	at, has := fieldSpecs[f].time(c)
	*at, *has = Time(min(ms, 1<<62)), true
	return checkTime(f, *at)
}

// addEntry appends a copy of b to a field of shapeList.
func (c *Command) addEntry(f field, b []byte) error {
	spec := &fieldSpecs[f]
	list := spec.list(c)
	if len(*list) >= spec.max {
		return tooMany(f)
	}
	entry := string(b)
	*list = append(*list, entry)
	return spec.checkEntry(entry)
}

// checkEntry applies the rules of a list's entries to one.
func (spec *fieldSpec) checkEntry(entry string) error {
	if spec.check != nil {
		return spec.check(spec.entry, entry)
	}
	return CheckID(spec.entry, entry)
}

// reserve makes room for n more entries; n is at most the list's limit.
func (c *Command) reserve(f field, n int) {
	list := fieldSpecs[f].list(c)
	*list = slices.Grow(*list, n)
}
