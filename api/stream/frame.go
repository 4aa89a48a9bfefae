package stream

import (
	"maps"
	"sync"
	"time"

	"reddot/events"
)

// frame is an event of a user as all the user's streams are told it: decoded and encoded
// once.
type frame struct {
	name    string
	version events.Seq
	emitted events.Seq // all events of the commands up to here were heard with it
	more    bool       // further parts of it follow
	stored  time.Time
	rest    []byte

	totals  events.Totals
	filters events.NamedTotals
	slim    func() []byte // for who wants totals alone
}

// frameRoom is about what a frame takes beside its bytes.
const frameRoom = 256

func (f *frame) size() int { return len(f.rest) + frameRoom }

func newChange(c *events.Change) (*frame, error) {
	rest, err := restOf(c)
	f := &frame{name: eventChange, version: c.Version, rest: rest, totals: c.Totals, filters: c.Filters}
	slim := TotalsChange{c.User, c.Version, c.At, c.Totals, c.Filters}
	f.slim = sync.OnceValue(func() []byte {
		rest, _ := restOf(&slim) // numbers and names that were encoded already
		return rest
	})
	return f, err
}

func newReceipts(user string, version events.Seq, list []any) (*frame, error) {
	rest, err := restOf(&Receipts{user, list})
	return &frame{name: eventReceipts, version: version, rest: rest}, err
}

// shown is what was told last to who wants totals alone.
type shown struct {
	totals  events.Totals
	filters events.NamedTotals
}

func (s *shown) same(t events.Totals, f events.NamedTotals) bool {
	return s != nil && s.totals == t && maps.Equal(s.filters, f)
}
