package events

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/vmihailenco/msgpack/v5"
)

// errNotShown: a payload is no object, or one that JSON has no form for.
var errNotShown = errors.New("no form in JSON")

// PayloadJSON is a command's payload as a JSON object, with whatever it has that no command
// knows, for who looks at the log: it need not be one that [Decode] takes. e is how it is
// written. An error is of a payload that JSON can't say. Any bytes are safe to give.
func PayloadJSON(payload []byte) (object []byte, e Encoding, err error) {
	e, err = encodingOf("", payload)
	switch {
	case err != nil:
		return nil, e, err
	case len(payload) == 0:
		return []byte("{}"), JSON, nil
	case e == JSON:
		if !utf8.Valid(payload) || !json.Valid(payload) {
			return nil, e, errNotShown
		}
		return payload, e, nil
	case readItem(payload, 0).kind != itemMap:
		return nil, e, errNotShown
	}
	if err := checkMsgpack(payload, allowance{items: MaxPayload}); err != nil {
		return nil, e, err
	}
	var v map[string]any
	if err := msgpack.Unmarshal(payload, &v); err != nil {
		return nil, e, err
	}
	object, err = jsonv2.Marshal(v, jsonv2.Deterministic(true)) // it refuses what is not UTF-8, and what is not a number
	return object, e, err
}
