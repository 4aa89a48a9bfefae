package view_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// logged writes a log as "id:counts", with a bar after what is read.
func logged(all []events.LoggedMessage) (words []string) {
	for _, m := range all {
		word := m.ID + ":" + string(m.Counts)
		if m.Read {
			word += " |"
		}
		words = append(words, word)
	}
	return words
}

// log is the newest messages.
func log(t *testing.T, rows fold.Reader, k fold.Key, of *string, limit int) []events.LoggedMessage {
	t.Helper()
	all, _, err := view.Log(rows, k, of, "", limit)
	testkit.OK(t, err)
	return all
}

// TestLogPages: pages of any size are the whole log, also where those of a thread are far
// apart, and messages that come meanwhile are in none of them.
func TestLogPages(t *testing.T) {
	for _, k := range []fold.Key{c2c("peer"), group("g")} {
		r := newRig(t)
		if k.Kind == events.Group {
			r.do(join(k.ID, "u"))
		}
		const n = 2_500
		threads := []*string{nil, new(""), new("t")}
		want := make([][]string, len(threads))
		add := func(at int) (id, thread string) {
			m := message(k, k.ID, fmt.Sprint("m", at))
			if at%1_100 == 5 {
				m.Thread = "t"
			}
			r.do(m)
			return m.ID, m.Thread
		}
		for at := range n {
			id, thread := add(at)
			for i, of := range threads {
				if of == nil || *of == thread {
					want[i] = append(want[i], id)
				}
			}
		}
		more := n
		for _, limit := range []int{1, 7, events.MaxLimit} {
			for i, of := range threads {
				if limit == 1 && len(want[i]) > 10 {
					continue // so that it does not take long
				}
				var got []string
				for next, first := "", true; first || next != ""; first = false {
					var all []events.LoggedMessage
					var err error
					r.read(func(rows fold.Reader) { all, next, err = view.Log(rows, k, of, next, limit) })
					testkit.OK(t, err)
					var ids []string
					for _, m := range all {
						if at, _ := strconv.Atoi(m.ID[1:]); at < n {
							ids = append(ids, m.ID)
						}
					}
					got = append(ids, got...)
					if len(got) < 100 {
						add(more)
						more++
					}
				}
				if d := cmp.Diff(want[i], got); d != "" {
					t.Errorf("%s, limit %d, thread %d:\n%s", k, limit, i, d)
				}
			}
		}
		r.read(func(rows fold.Reader) {
			for _, cursor := range []string{"!", "eA", "MA", "LTE", "MTg0NDY3NDQwNzM3MDk1NTE2MTY"} { // x, 0, -1, 2^64
				if _, _, err := view.Log(rows, k, nil, cursor, 1); err != events.ErrLogCursor {
					t.Errorf("cursor %q: %v", cursor, err)
				}
			}
			all, next, err := view.Log(rows, k, nil, "MQ", 10) // before the first
			if len(all) > 0 || next != "" || err != nil {
				t.Errorf("before the first: %v %q %v", all, next, err)
			}
		})
	}
}

// TestLog looks at messages of all kinds, in both kinds of conversation.
func TestLog(t *testing.T) {
	for _, k := range []fold.Key{c2c("peer"), group("g")} {
		r := newRig(t)
		if k.Kind == events.Group {
			r.do(join(k.ID, "u"))
		}
		for _, id := range []string{"m1", "m2", "m3", "m4"} {
			r.do(message(k, k.ID, id))
		}
		read := act(events.UserRead, k)
		read.Upto = "m2"
		silent, hidden := message(k, k.ID, "m5"), message(k, k.ID, "m6")
		silent.Silent, hidden.Hidden = true, true
		r.do(revoke(k, "m1"), revoke(k, "m3"), read, silent, hidden, message(k, k.ID, "m7"))
		want := []string{"m1:revoked |", "m2:read |", "m3:revoked", "m4:unread", "m5:silent", "m6:hidden", "m7:unread"}
		if k.Kind == events.Group {
			r.do(message(k, "u", "m8"))
			want = append(want, "m8:own")
		}
		r.read(func(rows fold.Reader) {
			if d := cmp.Diff(want, logged(log(t, rows, k, nil, 10))); d != "" {
				t.Errorf("%s:\n%s", k, d)
			}
			if d := cmp.Diff(want[2:], logged(log(t, rows, k, nil, len(want)-2))); d != "" {
				t.Errorf("%s, with a limit:\n%s", k, d)
			}
			if all := log(t, rows, c2c("nobody"), nil, 10); all != nil {
				t.Errorf("of a conversation that is not there: %v", all)
			}
		})
		if k.Kind == events.C2C {
			continue
		}
		r.do(events.Command{Verb: events.UserBlock, Inbox: "u", Users: []string{"g"}, Blocked: true})
		r.read(func(rows fold.Reader) {
			if d := cmp.Diff([]string{"m7:blocked", "m8:own"}, logged(log(t, rows, k, nil, 2))); d != "" {
				t.Errorf("blocked:\n%s", d)
			}
		})
	}
}

// TestLogAgrees: what a log says is unread is what the explanation names.
func TestLogAgrees(t *testing.T) {
	for _, k := range []fold.Key{c2c("peer"), group("g")} {
		r := newRig(t)
		if k.Kind == events.Group {
			r.do(join(k.ID, "u"))
		}
		for n := range 100 {
			m := message(k, k.ID, fmt.Sprint("m", n))
			m.Silent, m.Thread = n%7 == 0, []string{"", "t1", "t2"}[n%3]
			r.do(m)
			if n%5 == 0 {
				r.do(revoke(k, m.ID))
			}
		}
		read := act(events.UserRead, k)
		read.Upto, read.Thread, read.HasThread = "m60", "t1", true
		all := act(events.UserRead, k)
		all.Upto = "m20"
		mute := act(events.UserMute, k)
		mute.Muted, mute.Thread, mute.HasThread = true, "t2", true
		for _, c := range []events.Command{all, read, mute} {
			r.do(c)
			r.read(func(rows fold.Reader) {
				for _, of := range []*string{nil, new(""), new("t1"), new("t2")} {
					e, _ := view.Explain(rows, k, of, events.MaxLimit)
					var want, got []string
					for _, m := range e.Messages {
						want = append(want, m.ID)
					}
					for _, m := range log(t, rows, k, of, events.MaxLimit) {
						if m.Counts == events.CountsUnread {
							got = append(got, m.ID)
						}
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("%s, %v:\n%s", k, of, d)
					}
				}
			})
		}
	}
}
