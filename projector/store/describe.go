package store

import (
	"bytes"
	"fmt"
	"sync"

	"reddot/events"
	"reddot/projector/store/row"
)

// Family is one kind of row, for those who look at stored rows whatever they are.
type Family struct {
	Prefix   byte // of the keys
	InDigest bool // the rows are part of the digest: they follow from the log alone

	name            func(key []byte) string
	read            func(key, value []byte) (row.Contents, error)
	inbox, filtered bool
}

// info is the family without the type of its rows.
func (f family[R]) info() Family {
	return Family{Prefix: f.prefix, name: f.name, read: f.read, inbox: f.inbox, filtered: f.filtered}
}

func (f family[R]) read(key, value []byte) (row.Contents, error) {
	r, err := f.decode(string(key), string(value))
	if err != nil {
		return row.Contents{}, err
	}
	if f.contents == nil {
		return row.Contents{Fields: *r}, nil
	}
	return f.contents(string(key), r)
}

// Families are all kinds of rows, by the first byte of their keys.
type Families map[byte]Family

// AllFamilies are those of the rows that a store may hold, to be read only.
func AllFamilies() Families { return allFamilies() }

var allFamilies = sync.OnceValue(func() Families { return newTables(1).families })

// of is the family of a row; one that there is not names nothing, and reads nothing.
func (f Families) of(key []byte) Family {
	if len(key) > 0 {
		if x, ok := f[key[0]]; ok {
			return x
		}
	}
	return Family{
		InDigest: len(key) > 0,
		name:     func([]byte) string { return "" },
		read:     func(_, _ []byte) (row.Contents, error) { return row.Contents{}, row.ErrCorruptRow },
	}
}

// InDigest reports whether the row with a key is part of the digest.
func (f Families) InDigest(key []byte) bool { return f.of(key).InDigest }

// Name says in words what the row with a key is about.
func (f Families) Name(key []byte) string {
	if name := f.of(key).name(key); name != "" {
		return name
	}
	if len(key) == 0 {
		return "row without a key"
	}
	return fmt.Sprintf("unknown row %q", key)
}

// Read reads what stands in a row, for people.
func (f Families) Read(key, value []byte) (row.Contents, error) { return f.of(key).read(key, value) }

// nameMeta names the rows that are one of a kind.
func nameMeta(key []byte) string {
	switch {
	case bytes.Equal(key, keyIdentity):
		return "stream of the store"
	case bytes.Equal(key, keyPosition):
		return "position"
	case bytes.Equal(key, keyEmitted):
		return "emitted position"
	}
	return ""
}

func decodeMeta(key, value string) (r *any, err error) {
	r = new(any)
	switch key {
	case string(keyIdentity):
		*r, err = decodeIdentity([]byte(value))
	case string(keyPosition):
		*r, err = decodePosition([]byte(value))
	case string(keyEmitted):
		*r, err = row.DecodeNumber[events.Seq]("", value)
	default:
		err = row.ErrCorruptRow
	}
	return r, err
}

func decodeOutbox(_, value string) (*Out, error) {
	o, err := decodeOut(0, []byte(value))
	return &o, err
}
