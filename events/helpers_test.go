package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

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
	if v.Inbox() == "" {
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
	if err := convert(enc, json.RawMessage(text)); err != nil {
		t.Fatalf("convert %.80s: %v", text, err)
	}
	return out.Bytes()
}

func convert(enc *msgpack.Encoder, v json.RawMessage) error {
	if v[0] == '{' || v[0] == '[' {
		return convertParts(enc, v)
	}
	var scalar any
	if err := json.Unmarshal(v, &scalar); err != nil {
		return err
	}
	var i int64
	if json.Unmarshal(v, &i) == nil && scalar != nil {
		return enc.EncodeInt(i)
	}
	return enc.Encode(scalar)
}

// convertParts converts an object, whose names may come twice, or a list.
func convertParts(enc *msgpack.Encoder, v json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(v))
	if _, err := dec.Token(); err != nil {
		return err
	}
	var parts []json.RawMessage
	for dec.More() {
		if v[0] == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			quoted, err := json.Marshal(name)
			if err != nil {
				return err
			}
			parts = append(parts, quoted)
		}
		var part json.RawMessage
		if err := dec.Decode(&part); err != nil {
			return err
		}
		parts = append(parts, part)
	}
	head, n := enc.EncodeArrayLen, len(parts)
	if v[0] == '{' {
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
