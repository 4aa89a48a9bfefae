package fold_test

import (
	"cmp"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/twin"
	"reddot/projector/view"
)

// display is what a user is shown of a conversation: it, and the threads of it that the
// user follows.
type display struct {
	conversation events.Conversation
	threads      []events.Thread
}

// shown is what users are shown.
func shown(m *twin.Model, users []string) map[fold.Key]display {
	all := map[fold.Key]display{}
	for _, user := range users {
		for _, c := range m.Conversations(user) {
			id, _ := events.ParseConversation(c.Conversation)
			threads, _ := m.Threads(user, events.ThreadsRequest{Conversation: id, Following: true})
			slices.SortFunc(threads, func(a, b events.Thread) int { return cmp.Compare(a.Thread, b.Thread) })
			for i := range threads {
				threads[i].Version = 0
			}
			all[fold.Key{User: user, ConversationID: id}] = display{c, threads}
		}
	}
	return all
}

// names reports whether effects name a change of a conversation, in its own right or as of
// a member of a group, or of a follower of a thread, whose view has the version of the
// change.
func names(rows fold.Reader, fx *fold.Effects, seq events.Seq, k fold.Key) bool {
	if slices.Contains(fx.Changed, k) {
		return true
	}
	c := rows.Conversation(k)
	if k.Kind != events.Group || c == nil {
		return false
	}
	all := slices.Contains(fx.Groups, k.ID)
	if all && c.ViewVersion(rows, k, rows.Group(k.ID)) == seq {
		return true
	}
	for _, t := range rows.Timelines(k) {
		v, _ := view.Thread(rows, k, t.Thread)
		if t.Following && v.Version == seq && (all || slices.Contains(fx.Threads, fold.ThreadKey{Group: k.ID, Thread: t.Thread})) {
			return true
		}
	}
	return false
}

// receipts are those that the effects name, as they are sent.
func receipts(rows fold.Reader, fx *fold.Effects) (all []events.Receipt) {
	for _, k := range fx.Receipts {
		r, _ := view.Receipt(rows, k.ID, k.User, k.Of())
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b events.Receipt) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Thread, b.Thread))
	})
	return all
}

// TestEffects compares what the fold says has changed with what has changed in
// the twin: nothing is left out, nothing is named that does not show (rule
// quiet), and what left the list is noted.
func TestEffects(t *testing.T) {
	rng := testkit.Rand(t)
	s := openStore(t, vfs.NewMem())
	m, g := twin.New(), twin.NewGenerator(rng.Uint64(), twin.Config{})
	users := []string{"a", "ab", "ba", "b", "x.y%*> z", "紅點", "stranger1", "stranger2", "stranger3", "stranger4"}
	before := shown(m, users)
	var fx fold.Effects
	for seq := events.Seq(1); seq <= events.Seq(testkit.Effort(2_500)); seq++ {
		e := store.Entry{Seq: seq}
		g.Next(&e.Command)
		e.Time = g.Now()
		result := m.Apply(seq, e.Time, &e.Command)
		if err := s.Apply(&e, &fx); err != nil {
			t.Fatal(err)
		}
		after := shown(m, users)
		read(t, s, func(rows fold.Reader) {
			checkEffects(t, rows, &e, &fx, before, after)
			if d := gocmp.Diff(result.Receipts, receipts(rows, &fx), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("seq %d, %s %+v: receipts (- twin, + fold):\n%s", seq, e.Command.Verb, e.Command, d)
			}
		})
		before = after
		if rng.IntN(10) == 0 {
			commit(t, s)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// named are the conversations of those whom the message that a command is about
// names, its sender left out (rule named), and those who have joined since: they
// never heard of it (rule join).
func named(rows fold.Reader, c *events.Command) (all []fold.Key) {
	if c.Verb != events.GroupMessage && c.Verb != events.GroupRevoke {
		return nil
	}
	lk := fold.GroupKey(c.Inbox)
	i, _ := rows.Index(lk, c.ID)
	if i.Pos == 0 {
		return nil
	}
	m := rows.Message(lk, i.Pos)
	for _, user := range m.Mentions {
		k := fold.Key{User: user, ConversationID: lk.ConversationID}
		if c := rows.Conversation(k); user != m.From && c != nil && i.Pos > c.Join.Pos {
			all = append(all, k)
		}
	}
	return all
}

func checkEffects(t *testing.T, rows fold.Reader, e *store.Entry, fx *fold.Effects, before, after map[fold.Key]display) {
	t.Helper()
	fail := func(k fold.Key, what string) {
		t.Helper()
		t.Fatalf("seq %d, %s %+v: %s of %q %s\neffects %+v\nbefore %+v\nafter %+v",
			e.Seq, e.Command.Verb, e.Command, k, k.User, what, *fx, before[k], after[k])
	}
	changed := func(k fold.Key) bool {
		b, was := before[k]
		a, is := after[k]
		versioned := a.conversation.Version == e.Seq
		a.conversation.Version, b.conversation.Version = 0, 0 // the rest says whether anything shows
		change := was != is || !reflect.DeepEqual(a.conversation, b.conversation)
		if is && change != versioned {
			fail(k, "has a new version, and shows nothing new, or the other way round")
		}
		return change || !reflect.DeepEqual(a.threads, b.threads)
	}
	for k := range before {
		if _, is := after[k]; !is && !slices.Contains(fx.Noted, k) {
			fail(k, "left the list, and is not noted")
		}
		if changed(k) && !names(rows, fx, e.Seq, k) {
			fail(k, "has changed, and is not named")
		}
		if !changed(k) && names(rows, fx, e.Seq, k) {
			fail(k, "is named, and has not changed")
		}
	}
	for k := range after {
		if changed(k) && !names(rows, fx, e.Seq, k) {
			fail(k, "has changed, and is not named")
		}
	}
	for _, k := range named(rows, &e.Command) {
		if changed(k) && !slices.Contains(fx.Changed, k) {
			fail(k, "is named, and as a member only")
		}
	}
	for _, k := range slices.Concat(fx.Changed, fx.Noted) {
		if k.User != "" && !changed(k) {
			fail(k, "is named, and has not changed")
		}
	}
}
