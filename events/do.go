package events

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
)

// Stage is how far a command has to come before a request for it is answered.
type Stage uint8

// The stages.
const (
	Stored  Stage = iota // the command is in the log
	Applied              // queries show what it did
	Emitted              // its events are stored too
)

var stageNames = [...]string{Stored: "stored", Applied: "applied", Emitted: "emitted"}

// String returns "stored", "applied" or "emitted".
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return ""
}

// MarshalText implements encoding.TextMarshaler.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseStage reads a stage's name.
func ParseStage(s string) (Stage, error) {
	for stage, name := range stageNames {
		if s == name {
			return Stage(stage), nil
		}
	}
	return Stored, invalid(`wait is none of "stored", "applied" and "emitted"`)
}

// DoRequest is what a user's request for a command says beside the command.
type DoRequest struct {
	Wait      Stage   `json:"wait,omitempty"`
	TimeoutMS *uint64 `json:"timeout_ms,omitempty"` // how long to wait, at most MaxWaitMS; nil: DefaultWaitMS
	Key       string  `json:"key,omitempty"`        // the same key soon after is the same command; empty: none
}

// CheckKey reports why s is no key of a request.
func CheckKey(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return invalid("key holds a character that is not visible ASCII")
		}
	}
	if s == "" || len(s) > MaxKey {
		return invalid("key is not 1 to " + strconv.Itoa(MaxKey) + " characters long")
	}
	return nil
}

// The fields of a request that are not the command's.
const (
	requestWait    = "wait"
	requestTimeout = "timeout_ms"
	requestKey     = "key"
)

// EncodeDo writes a user's request for a command as JSON.
func EncodeDo(r *DoRequest, c *Command) ([]byte, error) {
	payload, err := EncodeJSON(c)
	if err != nil {
		return nil, err
	}
	if r.Key != "" {
		if err := CheckKey(r.Key); err != nil {
			return nil, err
		}
	}
	beside, err := json.Marshal(r)
	switch {
	case err != nil:
		return nil, err
	case len(beside) == len("{}"):
		return payload, nil
	case len(payload) == len("{}"):
		return beside, nil
	}
	return append(append(payload[:len(payload)-1], ','), beside[1:]...), nil
}

// SplitDo takes a user's request for a command apart: what it says of
// itself, and the command's payload, in the request's encoding and not checked.
// The payload may share the request's memory. Any bytes are safe to give;
// errors are *Invalid.
func SplitDo(request []byte) (DoRequest, []byte, error) {
	switch {
	case len(request) > MaxPayload:
		return DoRequest{}, nil, invalid(reasonSize)
	case len(request) == 0:
		return DoRequest{}, nil, nil
	case request[0] == '{':
		return splitJSON(request)
	}
	return splitMsgpack(request)
}

// set fills one field from its value: text of a string, a number of an integer.
func (r *DoRequest) set(name string, text []byte, isText bool, number uint64, isNumber bool) (err error) {
	switch {
	case name == requestTimeout && !isNumber:
		return invalid(requestTimeout + " is not an integer")
	case name != requestTimeout && !isText:
		return invalid(name + " is not a string")
	}
	switch name {
	case requestWait:
		r.Wait, err = ParseStage(string(text))
	case requestKey:
		r.Key = string(text)
		err = CheckKey(r.Key)
	default:
		if number > MaxWaitMS {
			return invalid(requestTimeout + " is not 0 to " + strconv.Itoa(MaxWaitMS))
		}
		r.TimeoutMS = &number
	}
	return err
}

func isRequestField(name string) bool {
	return name == requestWait || name == requestTimeout || name == requestKey
}

// splitJSON copies the members that are the command's. The tokenizer refuses a
// name that comes twice; nothing recurses.
func splitJSON(b []byte) (r DoRequest, _ []byte, err error) {
	var d Decoder
	d.json.reset(b)
	if err := d.json.next(); err != nil {
		return r, nil, jsonReason(err)
	}
	rest := []byte{'{'}
	for d.json.peek() == '"' {
		name, err := d.jsonText()
		if err != nil {
			return r, nil, err
		}
		field := string(name)
		end := d.json.at
		if isRequestField(field) {
			if err := d.requestField(&r, field); err != nil {
				return r, nil, err
			}
			continue
		}
		if err := d.skipJSON(); err != nil {
			return r, nil, err
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = appendJSONString(rest, field)
		rest = append(rest, b[end:d.json.at]...) // the colon and the value
	}
	if err := d.endJSON(); err != nil {
		return r, nil, err
	}
	return r, append(rest, '}'), nil
}

// requestField reads the value of a field of the request's own; null is the
// same as absent.
func (d *Decoder) requestField(r *DoRequest, name string) error {
	switch d.json.peek() {
	case 'n':
		return d.skipJSON()
	case '"':
		text, err := d.jsonText()
		if err != nil {
			return err
		}
		return r.set(name, text, true, 0, false)
	case '0':
		digits, err := d.jsonText()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(digits), 10, 64)
		if err != nil && bytes.ContainsAny(digits, ".eE") {
			return r.set(name, nil, false, 0, false)
		}
		if err != nil {
			n = MaxWaitMS + 1 // negative, or beyond all bounds
		}
		return r.set(name, nil, false, n, true)
	}
	if err := d.skipJSON(); err != nil {
		return err
	}
	return r.set(name, nil, false, 0, false)
}

// splitMsgpack copies the pairs that are the command's behind a head of their
// own.
func splitMsgpack(b []byte) (r DoRequest, _ []byte, err error) {
	top := readItem(b, 0)
	if top.kind != itemMap {
		return r, nil, invalid(reasonForm)
	}
	if err := checkMsgpack(b, allowance{items: MaxPayload, ext: true}); err != nil {
		return r, nil, err
	}
	var pairs []byte
	kept := 0
	seen := map[string]bool{}
	for at := top.next; at < len(b); {
		begin := at
		key := readItem(b, at)
		if key.kind != itemStr {
			return r, nil, invalid(reasonName)
		}
		end := key.next + int(key.n)
		name := string(b[key.next:end])
		at = skipItem(b, end)
		if !isRequestField(name) {
			pairs = append(pairs, b[begin:at]...)
			kept++
			continue
		}
		if seen[name] {
			return r, nil, invalid(reasonTwice)
		}
		seen[name] = true
		v := readItem(b, end)
		switch v.kind {
		case itemNil:
			continue
		case itemStr:
			err = r.set(name, b[v.next:v.next+int(v.n)], true, 0, false)
		case itemUint:
			err = r.set(name, nil, false, v.n, true)
		case itemNegative:
			err = r.set(name, nil, false, MaxWaitMS+1, true)
		default:
			err = r.set(name, nil, false, 0, false)
		}
		if err != nil {
			return r, nil, err
		}
	}
	head := binary.BigEndian.AppendUint32([]byte{0xdf}, uint32(kept)) // map 32
	return r, append(head, pairs...), nil
}
