package events

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// decodeJSON fills c from a JSON object, token by token. The tokenizer refuses
// what is not JSON, bytes that are not UTF-8 and names that come twice in one
// object; depth is watched here, so that no call recurses.
func (d *Decoder) decodeJSON(b []byte, c *Command) error {
	d.source = *bytes.NewBuffer(b)
	d.json.Reset(&d.source)
	if _, err := d.json.ReadToken(); err != nil {
		return jsonReason(err)
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
		return jsonReason(err)
	}
	if len(bytes.TrimLeft(b[d.json.InputOffset():], " \t\r\n")) > 0 {
		return invalid(reasonTrailing)
	}
	return nil
}

// jsonReason is the reason for a tokenizer's error; never its text, which may
// change with the library.
func jsonReason(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return invalid(reasonTwice)
	}
	return invalid(reasonJSON)
}

// jsonString reads a string. What it returns is good until the next call.
func (d *Decoder) jsonString() ([]byte, error) {
	quoted, err := d.json.ReadValue()
	if err != nil {
		return nil, jsonReason(err)
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
func (d *Decoder) jsonField(f field, c *Command) error {
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
func (d *Decoder) jsonTime(f field, c *Command) error {
	digits, err := d.json.ReadValue()
	if err != nil {
		return jsonReason(err)
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

func (d *Decoder) jsonList(f field, c *Command) error {
	if _, err := d.json.ReadToken(); err != nil {
		return jsonReason(err)
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
func (d *Decoder) skipJSON() error {
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

func (d *Decoder) skipToken() error {
	if _, err := d.json.ReadToken(); err != nil {
		return jsonReason(err)
	}
	return nil
}
