package emit

import (
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit/journal"
)

// TestParts finds out whether a change in several parts is emitted: of the parts that
// one emitter stored at once, in any order, each has to be there. Those of another
// one, that ended before it had sent all, or of the same one at an earlier time, do
// not stand for them.
func TestParts(t *testing.T) {
	type part struct {
		writer string
		no     int
		more   bool
	}
	for name, c := range map[string]struct {
		parts []part
		whole bool
	}{
		"in order":             {[]part{{"a", 1, true}, {"a", 2, true}, {"a", 3, false}}, true},
		"the last one first":   {[]part{{"a", 3, false}, {"a", 2, true}, {"a", 1, true}}, true},
		"none in the middle":   {[]part{{"a", 1, true}, {"a", 3, false}}, false},
		"not the last one":     {[]part{{"a", 1, true}, {"a", 2, true}}, false},
		"another's first part": {[]part{{"a", 1, true}, {"b", 1, true}, {"b", 3, false}}, false},
		"another's middle":     {[]part{{"a", 2, true}, {"b", 1, true}, {"b", 3, false}}, false},
		"again, by another":    {[]part{{"a", 1, true}, {"b", 1, true}, {"b", 2, false}}, true},
		"again, by the same":   {[]part{{"a", 1, true}, {"a", 1, true}, {"a", 3, false}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := &inherited{changes: map[string]events.Seq{}, parts: map[string]*parts{}}
			for _, p := range c.parts {
				data, err := events.Marshal(events.JSON, events.Change{User: "u", Version: 7})
				if err != nil {
					t.Fatal(err)
				}
				msg := &nats.Msg{Data: data, Header: nats.Header{
					events.HeaderContentType: {events.JSON.ContentType()}, journal.HeaderWriter: {p.writer}, journal.HeaderPart: {strconv.Itoa(p.no)},
				}}
				if p.more {
					msg.Header.Set(events.HeaderMore, "1")
				}
				if err := before.enter(msg); err != nil {
					t.Fatal(err)
				}
			}
			if _, whole := before.changes["u"]; whole != c.whole {
				t.Errorf("it is emitted: %v, not %v", whole, c.whole)
			}
		})
	}
}
