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
	case kind == '{' && shape == shapeRecord, kind == '[' && shape == shapeRecords:
		return fieldSpecs[f].record.read(c, jsonValues{d})
	}
	return wrongType(f)
}

// jsonTime fills a time: digits only, so that no fraction, exponent or float
// rounding is ever asked about.
func (d *Decoder) jsonTime(f field, c *Command) error {
	ms, integer, err := jsonValues{d}.number()
	switch {
	case err != nil:
		return err
	case !integer:
		return wrongType(f)
	case ms < 0:
		return outOfRange(f)
	}
	return c.setTime(f, uint64(ms))
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

// jsonValues reads the values of records.
type jsonValues struct{ d *Decoder }

func (v jsonValues) peek() (valueKind, error) {
	switch v.d.json.peek() {
	case 'n':
		return valueNull, nil
	case '"':
		return valueText, nil
	case 't', 'f':
		return valueFlag, nil
	case '0':
		return valueNumber, nil
	case '[':
		return valueList, nil
	case '{':
		return valueObject, nil
	}
	return valueOther, v.next() // no value: it says why
}

func (v jsonValues) next() error {
	if err := v.d.json.next(); err != nil {
		return jsonReason(err)
	}
	return nil
}

func (v jsonValues) text() ([]byte, error) { return v.d.jsonText() }

func (v jsonValues) flag() (bool, error) { return v.d.json.peek() == 't', v.next() }

func (v jsonValues) number() (n int64, integer bool, err error) {
	digits, err := v.d.jsonText()
	if err != nil || bytes.ContainsAny(digits, ".eE") {
		return 0, false, err
	}
	const maxDigits = 16 // of MaxTime; a number with more is larger, as JSON has no leading zeros
	if digits[0] == '-' || len(digits) > maxDigits {
		return -1, true, nil
	}
	for _, digit := range digits {
		n = n*10 + int64(digit-'0')
	}
	if Time(n) > MaxTime {
		n = -1
	}
	return n, true, nil
}

func (v jsonValues) list(entry func() error) error {
	if err := v.next(); err != nil {
		return err
	}
	for v.d.json.peek() != ']' {
		if v.d.json.peek() == 0 {
			return v.next() // it says why
		}
		if err := entry(); err != nil {
			return err
		}
	}
	return v.next()
}

func (v jsonValues) object(member func(name []byte) error) error {
	if err := v.next(); err != nil {
		return err
	}
	for v.d.json.peek() == '"' {
		name, err := v.text()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return v.next()
}

func (v jsonValues) skip() error { return v.d.skipJSON() }
