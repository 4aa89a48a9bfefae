package events

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

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
	if !isText(v) {
		return nil, e, errNotShown
	}
	object, err = json.Marshal(v) // keys in order; it refuses what is not a number
	return object, e, err
}

// isText reports whether all strings of a value are UTF-8, the names of fields included.
func isText(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		for _, of := range v {
			if !isText(of) {
				return false
			}
		}
	case map[string]any:
		for name, of := range v {
			if !utf8.ValidString(name) || !isText(of) {
				return false
			}
		}
	}
	return true
}
