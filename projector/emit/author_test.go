package emit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/fold"
)

// TestFit: an event about readers that is larger than a message may be is sent in
// parts that are not, and one receipt in any case.
func TestFit(t *testing.T) {
	e := New(Config{MaxPayload: func() int64 { return headerRoom + 1_000 }}, nil, nil)
	g := &rounds{emitter: e}
	var all []events.GroupReceipt
	for i := range events.MaxReceipts {
		all = append(all, events.GroupReceipt{ID: fmt.Sprint("m", i), Read: 1, Members: 2})
	}
	all[7].ID = strings.Repeat("x", 2_000)
	var got []events.GroupReceipt
	for rest := all; len(rest) > 0; {
		n, event := len(rest), events.GroupReceipts{User: "u", Group: "g"}
		data, err := g.fit(&event, rest, &n)
		if err != nil || n < 1 || len(data) > 1_000 && n > 1 || len(event.Receipts) != n {
			t.Fatalf("%d of %d receipts in %d bytes: %v", n, len(rest), len(data), err)
		}
		got, rest = append(got, event.Receipts...), rest[n:]
	}
	if !slices.Equal(got, all) {
		t.Errorf("the parts hold %v", got)
	}
}

// TestAuthorsWait: what raises a sender's figures while an event of the sender is on
// its way waits and merges, whatever the group; the round of the first command stays
// open until all of it has landed.
func TestAuthorsWait(t *testing.T) {
	b := newBacklog(0, nil)
	r := &round{}
	hall, team := fold.Author{Group: "hall", User: "bob"}, fold.Author{Group: "team", User: "bob"}
	b.raised(r, team)
	b.raised(r, team)
	b.raised(r, hall)
	if a := b.authors["bob"]; r.open != 2 || b.authorsReady.len() != 1 || len(a.groups) != 2 {
		t.Fatalf("%d things are open, %d senders ready, %d groups raised", r.open, b.authorsReady.len(), len(a.groups))
	}
	a, _ := b.authorsReady.next()
	a.groups, a.flying = nil, 1 // an event in two parts is sent
	f := &authorFlight{backlog: b, author: a, round: r, left: 2}
	later := &round{}
	b.raised(later, team)
	if b.authorsReady.len() > 0 || later.open != 1 || f.last() != nil {
		t.Fatal("what comes while an event is on its way does not wait")
	}
	f.Landed()
	if f.last() != r || b.authorsReady.len() > 0 || r.open != 2 {
		t.Fatal("a part has landed, and is taken for all")
	}
	f.Landed()
	if b.authorsReady.len() != 1 || r.open != 1 || later.open != 1 {
		t.Fatalf("the event has landed, and %d senders are ready", b.authorsReady.len())
	}
	b.authorsReady.next()
	a.groups, a.flying = nil, 1
	(&authorFlight{backlog: b, author: a, round: later, left: 1}).Landed()
	if later.open != 0 || len(b.authors) > 0 {
		t.Error("a sender who waits for nothing is kept")
	}
}

// TestAuthorsInherited: what the emitter before has told a sender of a group is not
// told again, unless a part of it is missing or more have read since.
func TestAuthorsInherited(t *testing.T) {
	before := &inherited{authors: map[string]events.Seq{}, parts: map[string]*parts{}}
	enter := func(group string, version events.Seq, part int, more bool) {
		data, err := events.Marshal(events.JSON, events.GroupReceipts{User: "u", Version: version, Group: group})
		if err != nil {
			t.Fatal(err)
		}
		msg := &nats.Msg{Data: data, Header: nats.Header{events.HeaderContentType: {events.JSON.ContentType()}, journal.HeaderWriter: {"w"}}}
		if part > 0 {
			msg.Header.Set(journal.HeaderPart, strconv.Itoa(part))
		}
		if more {
			msg.Header.Set(events.HeaderMore, "1")
		}
		if err := before.enter(msg); err != nil {
			t.Fatal(err)
		}
	}
	enter("whole", 7, 0, false)
	enter("parts", 8, 1, true)
	enter("parts", 8, 2, false)
	enter("half", 9, 1, true)
	for _, test := range []struct {
		group   string
		version events.Seq
		told    bool
	}{{"whole", 7, true}, {"whole", 8, false}, {"parts", 8, true}, {"half", 9, false}, {"none", 1, false}} {
		if told := before.author(&events.GroupReceipts{User: "u", Group: test.group, Version: test.version}); told != test.told {
			t.Errorf("version %d of %q is told: %v", test.version, test.group, told)
		}
	}
	if (*inherited)(nil).author(&events.GroupReceipts{}) {
		t.Error("nobody has told anything")
	}
}
