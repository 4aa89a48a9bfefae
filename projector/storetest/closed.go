package storetest

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// Identity is the stream of the stores that these tests make.
func Identity() events.StreamID {
	return events.StreamID{Name: "TEST_COMMANDS", Created: time.Unix(1700000000, 5)}
}

// EveryFamily are commands that leave rows of every family but sweeps': "a" is a
// member of "g", whose 4,200 messages all name everybody, and reads up to one that
// has not come; "b" has left.
func EveryFamily() []events.Command {
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	all := []events.Command{{Verb: events.GroupJoin, Inbox: "g", Users: []string{"a", "b"}}}
	for n := range 4200 {
		all = append(all, events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: fmt.Sprint("m", n), MentionAll: true})
	}
	old := events.Import{Conversation: events.ConversationID{Kind: events.Group, ID: "old"}, Unread: 3}
	return append(all,
		events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"b"}},
		events.Command{Verb: events.UserRead, Inbox: "a", Conversation: group, Upto: "later"},
		events.Command{Verb: events.UserRead, Inbox: "b", Conversation: group}, // refused
		events.Command{Verb: events.UserMessage, Inbox: "a", From: "d", ID: "m1", ExpiresAt: events.MaxTime, HasExpiresAt: true},
		events.Command{Verb: events.UserImport, Inbox: "a", Conversations: []events.Import{old}},
	)
}

// Entry is a command as it stands in these tests' streams.
func Entry(seq events.Seq, c events.Command) store.Entry {
	return store.Entry{Seq: seq, Time: events.Time(1_700_000_000_000 + seq), Command: c}
}

// Fold opens the store in a folder, folds commands into it, and closes it. It
// returns the position that it has then.
func Fold(tb testing.TB, fs vfs.FS, dir string, commands ...events.Command) store.Position {
	tb.Helper()
	s, err := store.Open(store.Config{Dir: dir, FS: fs, Identity: Identity()})
	if err != nil {
		tb.Fatal(err)
	}
	var fx fold.Effects
	for _, c := range commands {
		e := Entry(s.Position().Applied+1, c)
		if err := s.Apply(&e, &fx); err != nil {
			tb.Fatal(err)
		}
	}
	s.SetEmitted(1)
	_, err = s.Commit()
	if err := errors.Join(err, s.Close()); err != nil {
		tb.Fatal(err)
	}
	return s.Position()
}

// Files are the files of a folder, by name.
func Files(tb testing.TB, fs vfs.FS, dir string) map[string][]byte {
	tb.Helper()
	names, err := fs.List(dir)
	if err != nil {
		tb.Fatal(err)
	}
	all := make(map[string][]byte, len(names))
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			tb.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			tb.Fatal(err)
		}
		all[name] = b
	}
	return all
}

// FolderOf makes a folder "store" of files in a file system of its own.
func FolderOf(tb testing.TB, files map[string][]byte) *vfs.MemFS {
	tb.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("store", 0o755); err != nil {
		tb.Fatal(err)
	}
	for name, b := range files {
		f, err := fs.Create(fs.PathJoin("store", name), vfs.WriteCategoryUnspecified)
		if err != nil {
			tb.Fatal(err)
		}
		_, err = f.Write(append([]byte(nil), b...)) // which may change what it is given
		if err := errors.Join(err, f.Close()); err != nil {
			tb.Fatal(err)
		}
	}
	return fs
}

// Rows are all rows of a store that nobody has open.
func Rows(tb testing.TB, fs vfs.FS, dir string) (all []Row) {
	tb.Helper()
	db, err := pebble.Open(dir, &pebble.Options{FS: fs, ReadOnly: true, Logger: quiet{}})
	if err != nil {
		tb.Fatal(err)
	}
	it, err := db.NewIter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		all = append(all, Row{Key: append([]byte(nil), it.Key()...), Value: append([]byte(nil), it.Value()...)})
	}
	if err := errors.Join(it.Close(), db.Close()); err != nil {
		tb.Fatal(err)
	}
	return all
}
