package events

import (
	"fmt"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
)

// Digest is the digest of a whole state: two states with the same one have the
// same rows. Its text form, also in JSON and msgpack, is 16 hexadecimal digits.
// 0 is that of no state; its text form is empty.
type Digest uint64

// String returns the text form.
func (d Digest) String() string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%016x", uint64(d))
}

// ParseDigest reads the text form.
func ParseDigest(s string) (Digest, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("%q is not a digest", s)
	}
	return Digest(n), nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}

// EncodeMsgpack implements msgpack.CustomEncoder.
func (d Digest) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeString(d.String()) }

// DecodeMsgpack implements msgpack.CustomDecoder.
func (d *Digest) DecodeMsgpack(dec *msgpack.Decoder) error {
	s, err := dec.DecodeString()
	if err != nil {
		return err
	}
	*d, err = ParseDigest(s)
	return err
}
