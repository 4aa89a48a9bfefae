package events

import (
	"bytes"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
)

// Encode returns the command's payload as a msgpack map. Fields come in a
// fixed order and absent ones are left out, so equal commands give equal
// bytes. It refuses what [Decode] would refuse, with an *Invalid.
func Encode(c *Command) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	var out bytes.Buffer
	enc.Reset(&out)
	written := c.written()
	if err := enc.EncodeMapLen(written.len()); err != nil {
		return nil, err
	}
	for f := range fields {
		if !written.has(f) {
			continue
		}
		if err := enc.EncodeString(fieldSpecs[f].name); err != nil {
			return nil, err
		}
		if err := c.encodeField(enc, f); err != nil {
			return nil, err
		}
	}
	return sized(out.Bytes())
}

func (c *Command) encodeField(enc *msgpack.Encoder, f field) error {
	switch fieldSpecs[f].shape {
	case shapeID:
		return enc.EncodeString(*fieldSpecs[f].id(c))
	case shapeWord:
		return enc.EncodeString(fieldSpecs[f].word.text(c))
	case shapeFlag:
		return enc.EncodeBool(*fieldSpecs[f].flag(c))
	case shapeTime:
		at, _ := fieldSpecs[f].time(c)
		return enc.EncodeInt(int64(*at))
	case shapeRecord:
		return encodeValue(enc, fieldSpecs[f].record.pairs(c)[0])
	case shapeRecords:
		all := fieldSpecs[f].record.pairs(c)
		if err := enc.EncodeArrayLen(len(all)); err != nil {
			return err
		}
		for _, pairs := range all {
			if err := encodeValue(enc, pairs); err != nil {
				return err
			}
		}
		return nil
	}
	list := *fieldSpecs[f].list(c)
	if err := enc.EncodeArrayLen(len(list)); err != nil {
		return err
	}
	for _, id := range list {
		if err := enc.EncodeString(id); err != nil {
			return err
		}
	}
	return nil
}

// EncodeJSON returns the command's payload as a JSON object, with the rules
// of [Encode].
func EncodeJSON(c *Command) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	out := []byte{'{'}
	written := c.written()
	for f := range fields {
		if !written.has(f) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, fieldSpecs[f].name...)
		out = append(out, '"', ':')
		out = c.appendField(out, f)
	}
	return sized(append(out, '}'))
}

func (c *Command) appendField(out []byte, f field) []byte {
	switch fieldSpecs[f].shape {
	case shapeID:
		return appendJSONString(out, *fieldSpecs[f].id(c))
	case shapeWord:
		return appendJSONString(out, fieldSpecs[f].word.text(c))
	case shapeFlag:
		return strconv.AppendBool(out, *fieldSpecs[f].flag(c))
	case shapeTime:
		at, _ := fieldSpecs[f].time(c)
		return strconv.AppendInt(out, int64(*at), 10)
	case shapeRecord:
		return appendValue(out, fieldSpecs[f].record.pairs(c)[0])
	case shapeRecords:
		out = append(out, '[')
		for i, pairs := range fieldSpecs[f].record.pairs(c) {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendValue(out, pairs)
		}
		return append(out, ']')
	}
	out = append(out, '[')
	for i, id := range *fieldSpecs[f].list(c) {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendJSONString(out, id)
	}
	return append(out, ']')
}

// written is the fields that an encoding of c has.
func (c *Command) written() fieldSet { return c.present() | forms[c.Verb].required }

func sized(payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, invalid(reasonSize)
	}
	return payload, nil
}
