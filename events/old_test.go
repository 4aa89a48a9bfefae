package events

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// This file is how events read JSON before: the twin of the differential test.

type oldDecoder struct {
	Decoder
	json   jsontext.Decoder
	source bytes.Buffer
	text   []byte
}

func (d *oldDecoder) Decode(t Target, payload []byte, c *Command) error {
	if len(payload) == 0 || payload[0] != '{' || len(payload) > MaxPayload || t.Verb == NoVerb || t.Verb >= verbs {
		return d.Decoder.Decode(t, payload, c)
	}
	c.reset(t)
	d.seen, d.have = 0, 0
	if err := d.decodeJSON(payload, c); err != nil {
		return err
	}
	return missing(forms[t.Verb].required &^ d.have)
}

type oldLineParser struct {
	json   jsontext.Decoder
	source bytes.Buffer // what json reads; always over the caller's line
	walk   bool         // the payload is read token by token
}

func oldSplitRequest(request []byte) (Request, []byte, error) {
	switch {
	case len(request) > MaxPayload:
		return Request{}, nil, invalid(reasonSize)
	case len(request) == 0:
		return Request{}, nil, nil
	case request[0] == '{':
		return oldSplitJSON(request)
	}
	return splitMsgpack(request)
}

// decodeJSON fills c from a JSON object, token by token. The tokenizer refuses
// what is not JSON, bytes that are not UTF-8 and names that come twice in one
// object; depth is watched here, so that no call recurses.
func (d *oldDecoder) decodeJSON(b []byte, c *Command) error {
	d.source = *bytes.NewBuffer(b)
	d.json.Reset(&d.source)
	if _, err := d.json.ReadToken(); err != nil {
		return oldJSONReason(err)
	}
	for d.json.PeekKind() == '"' {
		name, err := d.jsonString()
		if err != nil {
			return err
		}
		f, err := d.meet(c.Verb, name)
		if err != nil {
			return err
		}
		if f == noField {
			err = d.skipJSON()
		} else {
			err = d.jsonField(f, c)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return oldJSONReason(err)
	}
	if len(bytes.TrimLeft(b[d.json.InputOffset():], " \t\r\n")) > 0 {
		return invalid(reasonTrailing)
	}
	return nil
}

// oldJSONReason is the reason for a tokenizer's error; never its text, which may
// change with the library.
func oldJSONReason(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return invalid(reasonTwice)
	}
	return invalid(reasonJSON)
}

// jsonString reads a string. What it returns is good until the next call.
func (d *oldDecoder) jsonString() ([]byte, error) {
	quoted, err := d.json.ReadValue()
	if err != nil {
		return nil, oldJSONReason(err)
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	if d.text, err = jsontext.AppendUnquote(d.text[:0], quoted); err != nil {
		return nil, invalid(reasonJSON)
	}
	return d.text, nil
}

// jsonField fills one field from the next value.
func (d *oldDecoder) jsonField(f field, c *Command) error {
	kind := d.json.PeekKind()
	if kind == 'n' {
		return d.skipJSON()
	}
	d.have |= 1 << f
	switch shape := fieldSpecs[f].shape; {
	case kind == 0 || kind == '}' || kind == ']':
		return d.skipJSON() // no value: it says why
	case kind == '"' && (shape == shapeID || shape == shapeWord):
		s, err := d.jsonString()
		if err != nil {
			return err
		}
		return c.setString(f, s)
	case (kind == 't' || kind == 'f') && shape == shapeFlag:
		*fieldSpecs[f].flag(c) = kind == 't'
		return d.skipJSON()
	case kind == '0' && shape == shapeTime:
		return d.jsonTime(f, c)
	case kind == '[' && shape == shapeList:
		return d.jsonList(f, c)
	}
	return wrongType(f)
}

// jsonTime fills a time: digits only, so that no fraction, exponent or float
// rounding is ever asked about.
func (d *oldDecoder) jsonTime(f field, c *Command) error {
	digits, err := d.json.ReadValue()
	if err != nil {
		return oldJSONReason(err)
	}
	if bytes.ContainsAny(digits, ".eE") {
		return wrongType(f)
	}
	const maxDigits = 16 // of MaxTime; a number with more is larger, as JSON has no leading zeros
	if digits[0] == '-' || len(digits) > maxDigits {
		return outOfRange(f)
	}
	var ms uint64
	for _, digit := range digits {
		ms = ms*10 + uint64(digit-'0')
	}
	return c.setTime(f, ms)
}

func (d *oldDecoder) jsonList(f field, c *Command) error {
	if _, err := d.json.ReadToken(); err != nil {
		return oldJSONReason(err)
	}
	for {
		switch d.json.PeekKind() {
		case '"':
			s, err := d.jsonString()
			if err != nil {
				return err
			}
			if err := c.addEntry(f, s); err != nil {
				return err
			}
		case ']', '}', 0: // the list's end, or none: then the token says why
			return d.skipToken()
		default:
			return wrongEntry(f)
		}
	}
}

// skipJSON passes over one value, which may be nested to MaxDepth.
func (d *oldDecoder) skipJSON() error {
	outer := d.json.StackDepth()
	for {
		if err := d.skipToken(); err != nil {
			return err
		}
		switch depth := d.json.StackDepth(); {
		case depth > MaxDepth:
			return invalid(reasonDepth)
		case depth <= outer:
			return nil
		}
	}
}

func (d *oldDecoder) skipToken() error {
	if _, err := d.json.ReadToken(); err != nil {
		return oldJSONReason(err)
	}
	return nil
}

// split takes the line apart without looking into the parts.
func (p *oldLineParser) split(line []byte) (subject string, payload []byte, err error) {
	p.source = *bytes.NewBuffer(line)
	p.json.Reset(&p.source)
	if p.json.PeekKind() != '{' {
		return "", nil, errors.New(`line is not a JSON object {"subject": "...", "payload": {...}}`)
	}
	if _, err := p.json.ReadToken(); err != nil {
		return "", nil, oldLineError(err)
	}
	named := false
	for p.json.PeekKind() == '"' {
		name, err := p.json.ReadToken()
		if err != nil {
			return "", nil, oldLineError(err)
		}
		switch name.String() {
		case "subject":
			subject, err = p.readSubject()
			named = true
		case "payload":
			payload, err = p.readPayload(line)
		default:
			err = p.json.SkipValue()
		}
		if err != nil {
			return "", nil, oldLineError(err)
		}
	}
	if _, err := p.json.ReadToken(); err != nil {
		return "", nil, oldLineError(err)
	}
	switch {
	case len(bytes.TrimLeft(line[p.json.InputOffset():], " \t\r\n")) > 0:
		return "", nil, errors.New("line goes on after its JSON object")
	case !named:
		return "", nil, errors.New("subject is missing")
	case payload == nil:
		return "", nil, errors.New("payload is missing")
	}
	return subject, payload, nil
}

func (p *oldLineParser) readSubject() (string, error) {
	if kind := p.json.PeekKind(); kind != '"' && kind != 0 {
		return "", errors.New("subject is not a string")
	}
	token, err := p.json.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

func (p *oldLineParser) readPayload(line []byte) ([]byte, error) {
	if kind := p.json.PeekKind(); kind != '{' && kind != 0 {
		return nil, errors.New("payload is not an object")
	}
	if p.walk {
		start := p.json.InputOffset()
		start += int64(bytes.IndexByte(line[start:], '{'))
		if err := p.json.SkipValue(); err != nil {
			return nil, err
		}
		return line[start:p.json.InputOffset():p.json.InputOffset()], nil
	}
	value, err := p.json.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(p.json.InputOffset())
	return line[end-len(value) : end : end], nil
}

// oldLineError says where a line stops being JSON; other errors stay.
func oldLineError(err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("line has a field twice, at byte %d", syntax.ByteOffset)
	}
	return fmt.Errorf("line is not well-formed JSON at byte %d", syntax.ByteOffset)
}

// oldSplitJSON copies the members that are the command's. The tokenizer refuses a
// name that comes twice; nothing recurses.
func oldSplitJSON(b []byte) (r Request, _ []byte, err error) {
	d := oldDecoder{source: *bytes.NewBuffer(b)}
	d.json.Reset(&d.source)
	if err := d.skipToken(); err != nil {
		return r, nil, err
	}
	rest := []byte{'{'}
	for d.json.PeekKind() == '"' {
		name, err := d.jsonString()
		if err != nil {
			return r, nil, err
		}
		field := string(name)
		end := d.json.InputOffset()
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
		if rest, err = jsontext.AppendQuote(rest, field); err != nil {
			return r, nil, invalid(reasonJSON)
		}
		rest = append(rest, b[end:d.json.InputOffset()]...) // the colon and the value
	}
	if err := d.skipToken(); err != nil {
		return r, nil, err
	}
	if len(bytes.TrimLeft(b[d.json.InputOffset():], " \t\r\n")) > 0 {
		return r, nil, invalid(reasonTrailing)
	}
	return r, append(rest, '}'), nil
}

// requestField reads the value of a field of the request's own; null is the
// same as absent.
func (d *oldDecoder) requestField(r *Request, name string) error {
	switch d.json.PeekKind() {
	case 'n':
		return d.skipJSON()
	case '"':
		text, err := d.jsonString()
		if err != nil {
			return err
		}
		return r.set(name, text, true, 0, false)
	case '0':
		digits, err := d.json.ReadValue()
		if err != nil {
			return oldJSONReason(err)
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
