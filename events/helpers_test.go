package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"
)

// unread is the subjects of the tests.
func unread(t testing.TB) Subjects {
	t.Helper()
	s, err := NewSubjects(DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// target is a command's target whose inbox is right for the verb.
func target(v Verb) Target {
	if v == PolicySet {
		return Target{Verb: v}
	}
	return Target{v, "inbox"}
}

// reason is the text of an error that must be *Invalid; empty for none.
func reason(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	inv, ok := errors.AsType[*Invalid](err)
	if !ok {
		t.Fatalf("error %q is a %T, want *Invalid", err, err)
	}
	return inv.Reason
}

// toMsgpack writes a JSON text as msgpack, name by name and in order, so that
// one table drives both encodings. Numbers that are no integers become floats.
func toMsgpack(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := msgpack.NewEncoder(&out)
	if err := convert(enc, jsontext.Value(text)); err != nil {
		t.Fatalf("convert %.80s: %v", text, err)
	}
	return out.Bytes()
}

func convert(enc *msgpack.Encoder, v jsontext.Value) error {
	switch v.Kind() {
	case 'n':
		return enc.EncodeNil()
	case 't', 'f':
		return enc.EncodeBool(v.Kind() == 't')
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		return enc.EncodeString(s)
	case '0':
		var i int64
		if json.Unmarshal(v, &i) == nil {
			return enc.EncodeInt(i)
		}
		var f float64
		if err := json.Unmarshal(v, &f); err != nil {
			return err
		}
		return enc.EncodeFloat64(f)
	}
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	var parts []jsontext.Value
	for k := dec.PeekKind(); k != '}' && k != ']'; k = dec.PeekKind() {
		part, err := dec.ReadValue()
		if err != nil {
			return err
		}
		parts = append(parts, part.Clone())
	}
	head, n := enc.EncodeArrayLen, len(parts)
	if v.Kind() == '{' {
		head, n = enc.EncodeMapLen, len(parts)/2
	}
	if err := head(n); err != nil {
		return err
	}
	for _, part := range parts {
		if err := convert(enc, part); err != nil {
			return err
		}
	}
	return nil
}

// both are the encodings of a JSON text.
func both(t testing.TB, text string) map[string][]byte {
	return map[string][]byte{"json": []byte(text), "msgpack": toMsgpack(t, text)}
}

func diff(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// list is a JSON list of n short ids.
func list(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(`"u",`, n), ",") + "]"
}
