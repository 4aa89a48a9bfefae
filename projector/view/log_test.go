package view_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
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
			if d := cmp.Diff(want, logged(view.Log(rows, k, nil, 10))); d != "" {
				t.Errorf("%s:\n%s", k, d)
			}
			if d := cmp.Diff(want[2:], logged(view.Log(rows, k, nil, len(want)-2))); d != "" {
				t.Errorf("%s, with a limit:\n%s", k, d)
			}
			if all := view.Log(rows, c2c("nobody"), nil, 10); all != nil {
				t.Errorf("of a conversation that is not there: %v", all)
			}
		})
		if k.Kind == events.C2C {
			continue
		}
		r.do(events.Command{Verb: events.UserBlock, Inbox: "u", Users: []string{"g"}, Blocked: true})
		r.read(func(rows fold.Reader) {
			if d := cmp.Diff([]string{"m7:blocked", "m8:own"}, logged(view.Log(rows, k, nil, 2))); d != "" {
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
					for _, m := range view.Log(rows, k, of, events.MaxLimit) {
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
