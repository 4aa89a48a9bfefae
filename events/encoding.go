package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// MaxEvent is how many bytes of a derived event or a reply [Unmarshal] reads.
// The largest that reddot sends, 200 conversations with ids of 256 bytes each,
// has some 300 KiB.
const MaxEvent = 4 << 20

// maxEventItems bounds one list of an event, since every entry, were it only
// a nil byte, takes a struct's memory.
const maxEventItems = 1<<16 - 1

// Encoding is how a derived event or a reply is written.
type Encoding uint8

// The encodings.
const (
	Msgpack Encoding = iota // a map with the names of the JSON form as keys
	JSON
)

// String returns "msgpack" or "json".
func (e Encoding) String() string {
	switch e {
	case Msgpack:
		return "msgpack"
	case JSON:
		return "json"
	}
	return ""
}

// ContentType returns "application/msgpack" or "application/json".
func (e Encoding) ContentType() string { return "application/" + e.String() }

// ParseEncoding reads "msgpack" or "json".
func ParseEncoding(s string) (Encoding, error) {
	switch s {
	case "msgpack":
		return Msgpack, nil
	case "json":
		return JSON, nil
	}
	return Msgpack, fmt.Errorf("encoding %q: use msgpack or json", s)
}

// encodingOf returns the encoding, by the content type or, if that is empty, by
// the first byte.
func encodingOf(contentType string, data []byte) (Encoding, error) {
	media, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/msgpack":
		return Msgpack, nil
	case "application/json":
		return JSON, nil
	case "":
		if len(data) > 0 && data[0] == '{' {
			return JSON, nil
		}
		return Msgpack, nil
	}
	return Msgpack, fmt.Errorf("content type %q: want application/msgpack or application/json", contentType)
}

// buffers are what Marshal writes into: a message has the length of its bytes
// then, and none of them are copied while it grows.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Marshal writes an event or a reply: one of this package's structs or a
// pointer to one.
func Marshal(e Encoding, v any) ([]byte, error) {
	out := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(out)
	out.Reset()
	switch e {
	case Msgpack:
		enc := msgpack.GetEncoder()
		defer msgpack.PutEncoder(enc)
		enc.Reset(out)
		enc.UseCompactInts(true)
		var err error
		if c, ok := v.(*Change); ok {
			err = c.pack(enc)
		} else {
			err = enc.Encode(v)
		}
		if err != nil {
			return nil, fmt.Errorf("encode %T as msgpack: %w", v, err)
		}
		return bytes.Clone(out.Bytes()), nil
	case JSON:
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return nil, fmt.Errorf("encode %T as JSON: %w", v, err)
		}
		return bytes.Clone(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
	}
	return nil, fmt.Errorf("encode %T: unknown encoding %d", v, e)
}

// Unmarshal reads what [Marshal] wrote into v, a pointer to one of this
// package's structs. contentType is the message's Content-Type header; empty,
// the first byte decides. Unknown fields are ignored. Any bytes are safe to give.
func Unmarshal(contentType string, data []byte, v any) error {
	e, err := encodingOf(contentType, data)
	switch {
	case err != nil:
		return fmt.Errorf("decode %T: %w", v, err)
	case len(data) == 0:
		return fmt.Errorf("decode %T: no bytes", v)
	case len(data) > MaxEvent:
		return fmt.Errorf("decode %T: %d bytes are more than %d", v, len(data), MaxEvent)
	}
	if e == JSON {
		err = json.Unmarshal(data, v)
	} else {
		err = unmarshalMsgpack(data, v)
	}
	if err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}

func unmarshalMsgpack(data []byte, v any) error {
	if readItem(data, 0).kind != itemMap {
		return errors.New("not a msgpack map")
	}
	if err := checkMsgpack(data, allowance{items: maxEventItems}); err != nil {
		return err
	}
	return msgpack.Unmarshal(data, v)
}
