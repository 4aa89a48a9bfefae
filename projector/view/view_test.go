package view_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// flood sends many messages that are not part of u's count, u's own ones,
// recalled ones and silent ones, n of each, mixed or one kind after the other.
func flood(r *rig, k fold.Key, n int, mixed bool) {
	own := func(i int) {
		id := fmt.Sprint("own", i)
		if k.Kind == events.Group {
			r.do(message(k, "u", id))
		} else {
			r.do(events.Command{Verb: events.UserSent, Inbox: "u", To: k.ID, ID: id})
		}
	}
	recalled := func(i int) {
		id := fmt.Sprint("recalled", i)
		r.do(message(k, k.ID, id), revoke(k, id))
	}
	silent := func(i int) {
		c := message(k, k.ID, fmt.Sprint("silent", i))
		c.Silent = true
		r.do(c)
	}
	kinds := []func(int){own, recalled, silent}
	for i := range 3 * n {
		if mixed {
			kinds[i%3](i / 3)
		} else {
			kinds[i/n](i % n)
		}
	}
}

// TestFirstUnread finds the first unread message behind thousands that are not
// part of the count.
func TestFirstUnread(t *testing.T) {
	for _, k := range []fold.Key{c2c("peer"), group("g")} {
		for _, mixed := range []bool{false, true} {
			t.Run(fmt.Sprint(k, " mixed ", mixed), func(t *testing.T) {
				r := newRig(t)
				if k.Kind == events.Group {
					r.do(join(k.ID, "u"))
				}
				flood(r, k, 3000, mixed)
				r.read(func(rows fold.Reader) {
					if c, ok := view.Conversation(rows, k); !ok || c.Unread != 0 || c.FirstUnread != "" {
						t.Errorf("nothing unread: %+v, %v", c, ok)
					}
				})
				r.do(message(k, k.ID, "first"))
				named := message(k, k.ID, "second")
				named.Mentions = []string{"u"}
				r.do(named)
				r.read(func(rows fold.Reader) {
					c, _ := view.Conversation(rows, k)
					if c.Unread != 2 || c.FirstUnread != "first" || c.Mentions != 1 || c.ReadUpto != "" {
						t.Errorf("two unread: %+v", c)
					}
					checkExplained(t, rows, k, 10, []string{"first", "second"})
					checkExplained(t, rows, k, 1, []string{"first"})
				})
				r.do(revoke(k, "first"))
				r.read(func(rows fold.Reader) {
					if c, _ := view.Conversation(rows, k); c.Unread != 1 || c.FirstUnread != "second" {
						t.Errorf("one unread: %+v", c)
					}
				})
			})
		}
	}
}

// checkExplained asks for an explanation, whose sums must hold whatever its
// limit.
func checkExplained(t *testing.T, rows fold.Reader, k fold.Key, limit int, want []string) {
	t.Helper()
	e, ok := view.Explain(rows, k, nil, limit)
	if !ok {
		t.Fatalf("%s is not in the list", k)
	}
	c, _ := view.Conversation(rows, k)
	var got []string
	for _, m := range e.Messages {
		got = append(got, m.ID)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("limit %d: messages\n%s", limit, d)
	}
	if e.Unread != c.Unread || e.SinceRead-e.Own-e.Revoked != c.Unread || uint64(len(got))+e.More != c.Unread {
		t.Errorf("limit %d: %+v does not add up to %d", limit, e, c.Unread)
	}
}

// TestExplainMore explains counts whose messages lie scattered among silent and
// recalled ones, over many pages, and says how many a limit leaves out.
func TestExplainMore(t *testing.T) {
	rng := testkit.Rand(t)
	for _, k := range []fold.Key{c2c("peer"), group("g")} {
		r := newRig(t)
		if k.Kind == events.Group {
			r.do(join(k.ID, "u"))
		}
		var want []string
		for i := range 300 {
			id := fmt.Sprint("m", i)
			r.do(message(k, k.ID, id))
			if want = append(want, id); rng.IntN(5) == 0 {
				r.do(revoke(k, id))
				want = want[:len(want)-1]
			}
			if rng.IntN(20) > 0 {
				continue
			}
			for j := range rng.IntN(4 * fold.PageSize) {
				silent := message(k, k.ID, fmt.Sprint("silent", i, "-", j))
				silent.Silent = true
				r.do(silent)
			}
		}
		r.read(func(rows fold.Reader) {
			for _, limit := range []int{1, 2, fold.PageSize, len(want) - 1, len(want), len(want) + 1} {
				checkExplained(t, rows, k, limit, want[:min(limit, len(want))])
			}
			if _, ok := view.Explain(rows, c2c("nobody"), nil, 10); ok {
				t.Error("a conversation that does not exist is explained")
			}
		})
		r.do(act(events.UserDelete, k))
		r.read(func(rows fold.Reader) {
			if _, ok := view.Explain(rows, k, nil, 10); ok {
				t.Error("a conversation that is not in the list is explained")
			}
		})
	}
}

// TestReadMovesAcrossPages marks a long conversation read and unread at every
// message of some pages: the view follows.
func TestReadMovesAcrossPages(t *testing.T) {
	k := group("g")
	r := newRig(t)
	r.do(join(k.ID, "u"))
	const n = 2*fold.PageSize + 3
	id := func(i int) string { return fmt.Sprintf("m%03d", i) }
	for i := range n {
		r.do(message(k, "x", id(i)))
	}
	for i := range n {
		read := act(events.UserRead, k)
		read.Upto = id(i)
		r.do(read)
		r.read(func(rows fold.Reader) {
			c, _ := view.Conversation(rows, k)
			if c.ReadUpto != id(i) || c.Unread != uint64(n-1-i) || i < n-1 && c.FirstUnread != id(i+1) {
				t.Errorf("read up to %d: %+v", i, c)
			}
		})
	}
	for i := n - 1; i >= 0; i-- {
		unread := act(events.UserUnread, k)
		unread.From = id(i)
		r.do(unread)
		r.read(func(rows fold.Reader) {
			c, _ := view.Conversation(rows, k)
			if c.FirstUnread != id(i) || c.Unread != uint64(n-i) || i > 0 && c.ReadUpto != id(i-1) || c.ReadAt != 0 {
				t.Errorf("unread from %d: %+v", i, c)
			}
		})
	}
}
