package events

import "bytes"

// decodeJSON fills c from a JSON object, token by token. The tokenizer refuses
// what is not JSON, bytes that are not UTF-8 and names that come twice in one
// object; no call recurses.
func (d *Decoder) decodeJSON(b []byte, c *Command) error {
	d.json.reset(b)
	if err := d.json.next(); err != nil {
		return jsonReason(err)
	}
	for d.json.peek() == '"' {
		name, err := d.jsonText()
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
	return d.endJSON()
}

// endJSON wants the object to end, and nothing behind it.
func (d *Decoder) endJSON() error {
	if err := d.json.next(); err != nil {
		return jsonReason(err)
	}
	if !d.json.atEnd() {
		return invalid(reasonTrailing)
	}
	return nil
}

func jsonReason(err error) error { return invalid(err.Error()) }

// jsonText reads a string or a number. What it returns is good until the next
// call.
func (d *Decoder) jsonText() ([]byte, error) {
	if err := d.json.next(); err != nil {
		return nil, jsonReason(err)
	}
	return d.json.text, nil
}

// jsonField fills one field from the next value.
func (d *Decoder) jsonField(f field, c *Command) error {
	kind := d.json.peek()
	if kind == 'n' {
		return d.skipJSON()
	}
	d.have |= 1 << f
	switch shape := fieldSpecs[f].shape; {
	case kind == 0 || kind == '}' || kind == ']':
		return d.skipJSON() // no value: it says why
	case kind == '"' && (shape == shapeID || shape == shapeWord):
		s, err := d.jsonText()
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
	digits, err := d.jsonText()
	if err != nil {
		return err
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
	if err := d.json.next(); err != nil {
		return jsonReason(err)
	}
	for d.json.peek() == '"' {
		s, err := d.jsonText()
		if err != nil {
			return err
		}
		if err := c.addEntry(f, s); err != nil {
			return err
		}
	}
	switch d.json.peek() {
	case ']', '}', 0: // the list's end, or none: then the token says why
		if err := d.json.next(); err != nil {
			return jsonReason(err)
		}
		return nil
	}
	return wrongEntry(f)
}

// skipJSON passes over one value, which may be nested to MaxDepth.
func (d *Decoder) skipJSON() error {
	if err := d.json.skip(MaxDepth); err != nil {
		return jsonReason(err)
	}
	return nil
}
