package view_test

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// rig is a store that commands are folded into. "u" is the user who looks.
type rig struct {
	testing.TB
	store *store.Store
	seq   events.Seq
	fx    fold.Effects
}

func newRig(t testing.TB) *rig {
	s, err := store.Open(store.Config{Dir: "store", FS: vfs.NewMem(), Identity: events.StreamID{Name: "S", Created: time.Unix(1, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{TB: t, store: s}
}

func (r *rig) do(commands ...events.Command) {
	r.Helper()
	for i := range commands {
		r.seq++
		e := store.Entry{Seq: r.seq, Time: 1_700_000_000_000 + events.Time(r.seq), Command: commands[i]}
		if err := r.store.Apply(&e, &r.fx); err != nil {
			r.Fatal(err)
		}
	}
}

// read commits, and calls fn with the rows.
func (r *rig) read(fn func(fold.Reader)) {
	r.Helper()
	if _, err := r.store.Commit(); err != nil {
		r.Fatal(err)
	}
	snap, err := r.store.Snapshot()
	if err != nil {
		r.Fatal(err)
	}
	defer snap.Close()
	if err := snap.Read(func(rows fold.Reader) error { fn(rows); return nil }); err != nil {
		r.Fatal(err)
	}
}

func c2c(peer string) fold.Key {
	return fold.Key{User: "u", ConversationID: events.ConversationID{Kind: events.C2C, ID: peer}}
}

func group(id string) fold.Key {
	return fold.Key{User: "u", ConversationID: events.ConversationID{Kind: events.Group, ID: id}}
}

func join(id string, users ...string) events.Command {
	return events.Command{Verb: events.GroupJoin, Inbox: id, Users: users}
}

// message is one to "u" from a peer, or one in a group.
func message(k fold.Key, from, id string) events.Command {
	if k.Kind == events.Group {
		return events.Command{Verb: events.GroupMessage, Inbox: k.ID, From: from, ID: id}
	}
	return events.Command{Verb: events.UserMessage, Inbox: "u", From: from, ID: id}
}

// revoke recalls a message of a peer, or one in a group.
func revoke(k fold.Key, id string) events.Command {
	if k.Kind == events.Group {
		return events.Command{Verb: events.GroupRevoke, Inbox: k.ID, ID: id}
	}
	return events.Command{Verb: events.UserRevoke, Inbox: "u", From: k.ID, ID: id}
}

// act is a command of "u" on a conversation.
func act(verb events.Verb, k fold.Key) events.Command {
	return events.Command{Verb: verb, Inbox: "u", Conversation: k.ConversationID}
}
