package events

// decodeMsgpack fills c from a msgpack map. It reads the bytes by the same
// readItem that has checked them: nothing is interpreted twice, and the only
// memory it takes is that of the command's strings.
func (d *Decoder) decodeMsgpack(b []byte, c *Command) error {
	top := readItem(b, 0)
	if top.kind != itemMap {
		return invalid(reasonForm)
	}
	if err := checkMsgpack(b, allowance{items: MaxPayload, ext: true}); err != nil {
		return err
	}
	d.unknown = d.unknown[:0]
	at := top.next
	for range top.n {
		key := readItem(b, at)
		if key.kind != itemStr {
			return invalid(reasonName)
		}
		at = key.next + int(key.n)
		name := b[key.next:at]
		f, err := d.meet(c.Verb, name)
		if err != nil {
			return err
		}
		if f == noField {
			d.unknown = append(d.unknown, name)
			at = skipItem(b, at)
			continue
		}
		if at, err = d.msgpackField(b, at, f, c); err != nil {
			return err
		}
	}
	return d.checkUnknown()
}

// msgpackField fills one field from the value at b[at:] and returns where the
// value ends.
func (d *Decoder) msgpackField(b []byte, at int, f field, c *Command) (int, error) {
	v := readItem(b, at)
	if v.kind == itemNil {
		return v.next, nil
	}
	d.have |= 1 << f
	switch fieldSpecs[f].shape {
	case shapeID, shapeWord:
		if v.kind != itemStr {
			return at, wrongType(f)
		}
		end := v.next + int(v.n)
		return end, c.setString(f, b[v.next:end])
	case shapeFlag:
		if v.kind != itemTrue && v.kind != itemFalse {
			return at, wrongType(f)
		}
		*fieldSpecs[f].flag(c) = v.kind == itemTrue
		return v.next, nil
	case shapeTime:
		switch v.kind {
		case itemUint:
			return v.next, c.setTime(f, v.n)
		case itemNegative:
			return at, outOfRange(f)
		}
		return at, wrongType(f)
	default:
		return msgpackList(b, v, f, c)
	}
}

func msgpackList(b []byte, list item, f field, c *Command) (int, error) {
	at := list.next
	if list.kind != itemArray {
		return at, wrongType(f)
	}
	if list.n > uint64(fieldSpecs[f].max) {
		return at, tooMany(f)
	}
	c.reserve(f, int(list.n))
	for range list.n {
		v := readItem(b, at)
		if v.kind != itemStr {
			return at, wrongEntry(f)
		}
		at = v.next + int(v.n)
		if err := c.addEntry(f, b[v.next:at]); err != nil {
			return at, err
		}
	}
	return at, nil
}
