package row

import (
	"encoding/binary"

	"reddot/events"
	"reddot/projector/fold"
)

// Account is the row of a user who lost conversations, or has settings.
type Account struct {
	Lost events.Seq // see fold.Reader
	Era  events.Seq // see fold.Rows
	fold.Settings
}

// Size is about what the settings take in memory: bytes.
func (a *Account) Size() int {
	if a == nil {
		return 0
	}
	n := 0
	for i := range a.Filters {
		n += 128 + len(a.Filters[i].Name) + len(a.Filters[i].Without)
	}
	for _, user := range a.Blocked {
		n += 16 + len(user)
	}
	return n
}

// An account begins with a byte of flags that say which of its parts follow.
const (
	accountEra = 1 << iota
	accountFiltered
	accountFilters
	accountBlocked
	accountFlagsEnd
)

// EncodeAccount writes the row of a user's account.
func EncodeAccount(b []byte, a *Account) []byte {
	var flags byte
	if a.Era > 0 {
		flags |= accountEra
	}
	if a.Filtered > 0 {
		flags |= accountFiltered
	}
	if len(a.Filters) > 0 {
		flags |= accountFilters
	}
	if len(a.Blocked) > 0 {
		flags |= accountBlocked
	}
	b = binary.AppendUvarint(append(b, Format, flags), uint64(a.Lost))
	if flags&accountEra != 0 {
		b = binary.AppendUvarint(b, uint64(a.Era))
	}
	if flags&accountFiltered != 0 {
		b = binary.AppendUvarint(b, uint64(a.Filtered))
	}
	if flags&accountFilters != 0 {
		b = binary.AppendUvarint(b, uint64(len(a.Filters)))
		for i := range a.Filters {
			b = appendFilter(b, &a.Filters[i])
		}
	}
	if flags&accountBlocked != 0 {
		b = appendStrings(b, a.Blocked)
	}
	return b
}

// DecodeAccount reads what EncodeAccount wrote.
func DecodeAccount(_, value string) (*Account, error) {
	d := NewDecoder(value)
	flags := d.Byte()
	a := &Account{Lost: d.Seq()}
	if flags&accountEra != 0 {
		a.Era = d.Seq()
	}
	if flags&accountFiltered != 0 {
		a.Filtered = d.Seq()
	}
	if flags&accountFilters != 0 {
		for range d.Count() {
			a.Filters = append(a.Filters, d.filter())
		}
	}
	if flags&accountBlocked != 0 {
		a.Blocked = d.strings()
	}
	return a, d.End()
}

// Of a filter, a byte holds the kind in its lowest bits, and says which of its parts
// there are.
const (
	filterKinds = 1<<2 - 1
	filterLabel = 1 << (iota + 1)
	filterWithout
	filterMentioned
	filterIncludeMuted
)

func appendFilter(b []byte, f *fold.NamedFilter) []byte {
	flags := byte(f.Kind)
	if f.Label != nil {
		flags |= filterLabel
	}
	if f.Without != "" {
		flags |= filterWithout
	}
	if f.Mentioned {
		flags |= filterMentioned
	}
	if f.IncludeMuted {
		flags |= filterIncludeMuted
	}
	b = append(AppendString(b, f.Name), flags)
	if f.Label != nil {
		b = AppendString(b, *f.Label)
	}
	if f.Without != "" {
		b = AppendString(b, f.Without)
	}
	return b
}

func (d *Decoder) filter() (f fold.NamedFilter) {
	f.Name = d.String()
	flags := d.Byte()
	f.Kind = events.Kind(flags & filterKinds)
	f.Mentioned, f.IncludeMuted = flags&filterMentioned != 0, flags&filterIncludeMuted != 0
	if flags&filterLabel != 0 {
		f.Label = new(d.String())
	}
	if flags&filterWithout != 0 {
		f.Without = d.String()
	}
	return f
}
