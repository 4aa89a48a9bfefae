package fold_test

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// TestEveryVerbHasARule: for what it does, and for what it touches.
func TestEveryVerbHasARule(t *testing.T) {
	s := openStore(t, vfs.NewMem())
	defer s.Close()
	conversation := events.ConversationID{Kind: events.C2C, ID: "b"}
	for i, verb := range events.Verbs() {
		e := store.Entry{Seq: events.Seq(i + 1), Command: events.Command{Verb: verb, Inbox: "a", ID: "m", From: "b", To: "b", Conversation: conversation}}
		var fx fold.Effects
		if err := s.Apply(&e, &fx); err != nil {
			t.Errorf("%s: %v", verb, err)
		}
		var touch fold.Touch
		read(t, s, func(rows fold.Reader) {
			fold.Touched(rows, e.Seq, &e.Command, &touch)
		})
	}
}

// applied is a command with its effects.
type applied struct {
	store.Entry
	fx fold.Effects
}

// TestTouched folds random commands, and then finds again from the commands and
// the rows what each has touched: all that its effects name and do not note.
func TestTouched(t *testing.T) {
	rng := testkit.Rand(t)
	s := openStore(t, vfs.NewMem())
	g := twin.NewGenerator(rng.Uint64(), twin.Config{Groups: 3})
	seq := events.Seq(0)
	found := map[events.Verb]int{}
	for range testkit.Effort(60) {
		var log []applied
		for range 1 + rng.IntN(80) {
			seq++
			a := applied{Entry: store.Entry{Seq: seq}}
			g.Next(&a.Command)
			a.Time = g.Now()
			if err := s.Apply(&a.Entry, &a.fx); err != nil {
				t.Fatal(err)
			}
			log = append(log, a)
		}
		for i := range log {
			read(t, s, func(rows fold.Reader) { found[log[i].Command.Verb] += checkTouched(t, rows, &log[i]) })
		}
		commit(t, s)
	}
	t.Log(found)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkTouched returns how much was to be found.
func checkTouched(t *testing.T, rows fold.Reader, a *applied) (n int) {
	t.Helper()
	var touch fold.Touch
	fold.Touched(rows, a.Seq, &a.Command, &touch)
	missed := func(what string, k any) {
		t.Helper()
		t.Fatalf("seq %d, %s %+v: %s %+v is not found again: %+v", a.Seq, a.Command.Verb, a.Command, what, k, touch)
	}
	for _, k := range a.fx.Changed {
		c := rows.Conversation(k)
		if slices.Contains(a.fx.Noted, k) || c == nil || max(c.Version, c.Followed) > a.Seq { // gone since, which was noted, or changed again
			continue
		}
		if n++; !slices.Contains(touch.Users, k.User) {
			missed("the change of", k)
		}
	}
	for _, thread := range a.fx.Threads {
		if slices.Contains(a.fx.NotedThreads, thread) {
			continue
		}
		if n++; !slices.Contains(touch.Threads, thread) {
			missed("thread", thread)
		}
	}
	for _, group := range a.fx.Groups {
		if slices.Contains(a.fx.Noted, fold.GroupKey(group)) {
			continue
		}
		if n++; !slices.Contains(touch.Groups, group) {
			missed("group", group)
		}
	}
	for _, k := range a.fx.Receipts {
		if r, ok := view.Receipt(rows, k.ID, k.User, k.Of()); !ok || r.Version > a.Seq { // erased or sent again since
			continue
		}
		if n++; !slices.Contains(touch.Receipts, k) {
			missed("the receipt of", k.Key)
		}
	}
	for _, to := range a.fx.Authors {
		w := rows.Wanted(to.Group)
		if w == nil || !slices.ContainsFunc(w.Messages, func(m fold.WantedMessage) bool { return m.From == to.User && m.Seq == a.Seq }) {
			continue // recalled, or read by more since
		}
		if k := (fold.Key{User: a.Command.Inbox, ConversationID: fold.GroupKey(to.Group).ConversationID}); a.Command.Verb == events.UserReadAll && rows.Conversation(k) == nil {
			continue // who has read them has left, and they have a reader less again
		}
		if n++; !slices.Contains(touch.Authors, to) {
			missed("the readers of messages of", to)
		}
	}
	return n
}
