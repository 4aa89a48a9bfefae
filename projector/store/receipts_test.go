package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// sameRaised compares whose messages have more readers by the last command with what
// the twin says.
func (r *rig) sameRaised(want []twin.Raised) {
	r.t.Helper()
	var got []twin.Raised
	seq := events.Seq(len(r.log))
	err := r.store.Read(func(rows fold.Reader) error {
		for _, to := range r.fx.Authors {
			event := view.Raised(rows, to, seq-1)
			if event.Version != seq || event.User != to.User || event.Group != to.Group {
				r.t.Fatalf("seq %d: the event of %+v is %+v", seq, to, event)
			}
			for _, x := range event.Receipts {
				got = append(got, twin.Raised{Sender: to.User, Group: to.Group, GroupReceipt: x})
			}
		}
		return nil
	})
	slices.SortFunc(got, func(a, b twin.Raised) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Group, b.Group), cmp.Compare(a.ID, b.ID))
	})
	if d := testkit.Diff(want, got, cmpopts.EquateEmpty()); d != "" || err != nil {
		r.t.Fatalf("seq %d, %+v: %v more readers (- twin, + store):\n%s", seq, r.log[seq-1].Command, err, d)
	}
}

// diffReaders asks both who has read some messages of the log.
func (r *rig) diffReaders(rows fold.Reader, user string) string {
	for range 6 {
		c := &r.log[r.rng.IntN(len(r.log))].Command
		if c.Verb != events.GroupMessage {
			continue
		}
		q := events.GroupReceiptsRequest{Group: c.Inbox, IDs: []string{c.ID, "unknown", c.ID}}
		want, wrong := r.twin.GroupReceipts(user, q)
		got, err := view.GroupReceipts(rows, user, q)
		if d := testkit.Diff(want, got.Receipts, cmpopts.EquateEmpty()); d != "" || code(wrong) != code(err) {
			return fmt.Sprintf("receipts of %q in %q: %v, the twin says %v\n%s", c.ID, c.Inbox, err, wrong, d)
		}
		read := r.rng.IntN(2) == 0
		page := events.ReadersRequest{Group: c.Inbox, ID: c.ID, Read: &read, Limit: new(2)}
		all, wrong := r.twin.Readers(user, page)
		sum, err := view.Readers(rows, user, page)
		for err == nil && sum.Next != "" {
			var more events.ReadersReply
			page.After = sum.Next
			more, err = view.Readers(rows, user, page)
			sum.Users, sum.Next = append(sum.Users, more.Users...), more.Next
		}
		if d := testkit.Diff(all, sum, cmpopts.EquateEmpty()); code(wrong) != code(err) || err == nil && d != "" {
			return fmt.Sprintf("readers %v of %q in %q: %v, the twin says %v\n%s", read, c.ID, c.Inbox, err, wrong, d)
		}
	}
	return ""
}

// code is the code of an error; 0 for none, or another.
func code(err error) events.Code {
	for _, c := range []events.Code{events.ErrForbidden, events.ErrNotFound, events.ErrUnavailable} {
		if errors.Is(err, c) {
			return c
		}
	}
	return 0
}
