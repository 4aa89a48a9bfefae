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
	case shapeRecord, shapeRecords:
		if want := map[shape]itemKind{shapeRecord: itemMap, shapeRecords: itemArray}[fieldSpecs[f].shape]; v.kind != want {
			return at, wrongType(f)
		}
		values := msgpackValues{b, at}
		err := fieldSpecs[f].record.read(c, &values)
		return values.at, err
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

// msgpackValues reads the values of records out of bytes that have passed
// checkMsgpack.
type msgpackValues struct {
	b  []byte
	at int
}

var itemValues = map[itemKind]valueKind{
	itemNil: valueNull, itemFalse: valueFlag, itemTrue: valueFlag, itemUint: valueNumber, itemNegative: valueNumber,
	itemStr: valueText, itemArray: valueList, itemMap: valueObject,
}

func (v *msgpackValues) peek() (valueKind, error) { return itemValues[readItem(v.b, v.at).kind], nil }

func (v *msgpackValues) next() item {
	it := readItem(v.b, v.at)
	v.at = it.next
	return it
}

func (v *msgpackValues) text() ([]byte, error) {
	it := v.next()
	v.at += int(it.n)
	return v.b[it.next:v.at], nil
}

func (v *msgpackValues) flag() (bool, error) { return v.next().kind == itemTrue, nil }

func (v *msgpackValues) number() (n int64, integer bool, err error) {
	it := v.next()
	if it.kind == itemNegative || it.n > uint64(MaxTime) {
		return -1, true, nil
	}
	return int64(it.n), true, nil
}

func (v *msgpackValues) list(entry func() error) error {
	for n := v.next().n; n > 0; n-- {
		if err := entry(); err != nil {
			return err
		}
	}
	return nil
}

func (v *msgpackValues) object(member func(name []byte) error) error {
	for n := v.next().n; n > 0; n-- {
		if readItem(v.b, v.at).kind != itemStr {
			return invalid(reasonName)
		}
		name, _ := v.text()
		if err := member(name); err != nil {
			return err
		}
	}
	return nil
}

func (v *msgpackValues) skip() error {
	v.at = skipItem(v.b, v.at)
	return nil
}
