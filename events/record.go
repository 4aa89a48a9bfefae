package events

import (
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
)

// record is the accessor of a field whose value is an object, or a list of objects.
type record struct {
	has   func(*Command) bool
	read  func(*Command, values) error // the next value, which is of the field's shape
	check func(*Command) error
	pairs func(*Command) []any // of each object, as encodings write it; see pair
}

// values reads values one after the other, whatever encodes them. What is read is
// well formed; a value that is asked for as another one than it is refuses.
type values interface {
	peek() (valueKind, error)
	text() ([]byte, error) // good until the next call
	flag() (bool, error)
	// number is -1 of one that is negative or larger than MaxTime; integer is false of
	// one with a fraction or an exponent.
	number() (n int64, integer bool, err error)
	list(entry func() error) error
	object(member func(name []byte) error) error
	skip() error
}

// valueKind is what a value is.
type valueKind uint8

const (
	valueOther valueKind = iota
	valueNull
	valueText
	valueFlag
	valueNumber
	valueList
	valueObject
)

// member is one member of an object that is read into a T. null is the same as
// absent.
type member[T any] struct {
	name     string
	kind     valueKind
	required bool
	read     func(v values, to *T) error
}

// notA refuses a value that is of another kind.
func notA(kind valueKind, what string) error {
	switch kind {
	case valueText:
		return invalid(what + " is not a string")
	case valueFlag:
		return invalid(what + " is neither true nor false")
	case valueNumber:
		return invalid(what + " is not an integer")
	case valueList:
		return invalid(what + " is not a list")
	}
	return invalid(what + " is not an object")
}

// readObject reads an object, called what in reasons.
func readObject[T any](v values, what string, members []member[T], to *T) error {
	if kind, err := v.peek(); err != nil {
		return err
	} else if kind != valueObject {
		return notA(valueObject, what)
	}
	var seen, have uint64
	err := v.object(func(name []byte) error {
		i := 0
		for i < len(members) && members[i].name != string(name) {
			i++
		}
		if i == len(members) {
			return unknownField(name)
		}
		if seen>>i&1 != 0 {
			return invalid(reasonTwice)
		}
		seen |= 1 << i
		kind, err := v.peek()
		switch m := &members[i]; {
		case err != nil:
			return err
		case kind == valueNull:
			return v.skip()
		case kind != m.kind:
			return notA(m.kind, what+": "+m.name)
		default:
			have |= 1 << i
			return m.read(v, to)
		}
	})
	if err != nil {
		return err
	}
	for i := range members {
		if members[i].required && have>>i&1 == 0 {
			return invalid(what + ": " + members[i].name + " is missing")
		}
	}
	return nil
}

func textMember[T any](name string, required bool, to func(*T) *string) member[T] {
	return member[T]{name, valueText, required, func(v values, t *T) error {
		s, err := v.text()
		*to(t) = string(s)
		return err
	}}
}

func flagMember[T any](name string, to func(*T) *bool) member[T] {
	return member[T]{name, valueFlag, false, func(v values, t *T) (err error) {
		*to(t), err = v.flag()
		return err
	}}
}

// numberMember reads a count or a time.
func numberMember[T any, N ~int64 | ~uint64](what, name string, required bool, to func(*T) *N) member[T] {
	return member[T]{name, valueNumber, required, func(v values, t *T) (err error) {
		*to(t), err = readNumber[N](v, what+": "+name)
		return err
	}}
}

// readNumber reads a count or a time, called what in reasons.
func readNumber[N ~int64 | ~uint64](v values, what string) (N, error) {
	n, integer, err := v.number()
	switch {
	case err != nil:
		return 0, err
	case !integer:
		return 0, notA(valueNumber, what)
	case n < 0:
		return 0, outside(what)
	}
	return N(n), nil
}

// pair is a member of an object that is encoded: its value is a string, a bool, an
// int64, a []string or a []pair.
type pair struct {
	name  string
	value any
}

// pairsOf leaves out the pairs without a value.
func pairsOf(all ...pair) (some []pair) {
	for _, p := range all {
		switch v := p.value.(type) {
		case nil:
			continue
		case string:
			if v == "" {
				continue
			}
		case bool:
			if !v {
				continue
			}
		case []string:
			if len(v) == 0 {
				continue
			}
		}
		some = append(some, p)
	}
	return some
}

// appendValue writes a value of a pair as JSON.
func appendValue(out []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendJSONString(out, v)
	case bool:
		return strconv.AppendBool(out, v)
	case int64:
		return strconv.AppendInt(out, v, 10)
	case []string:
		out = append(out, '[')
		for i, s := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendJSONString(out, s)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	for i, p := range value.([]pair) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendJSONString(out, p.name), ':')
		out = appendValue(out, p.value)
	}
	return append(out, '}')
}

// encodeValue writes a value of a pair as msgpack.
func encodeValue(enc *msgpack.Encoder, value any) error {
	switch v := value.(type) {
	case string:
		return enc.EncodeString(v)
	case bool:
		return enc.EncodeBool(v)
	case int64:
		return enc.EncodeInt(v)
	case []string:
		if err := enc.EncodeArrayLen(len(v)); err != nil {
			return err
		}
		for _, s := range v {
			if err := enc.EncodeString(s); err != nil {
				return err
			}
		}
		return nil
	}
	pairs := value.([]pair)
	if err := enc.EncodeMapLen(len(pairs)); err != nil {
		return err
	}
	for _, p := range pairs {
		if err := enc.EncodeString(p.name); err != nil {
			return err
		}
		if err := encodeValue(enc, p.value); err != nil {
			return err
		}
	}
	return nil
}
