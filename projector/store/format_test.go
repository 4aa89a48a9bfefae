package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/storetest"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// everyFamily folds a log that leaves a row of every family but sweeps'.
func everyFamily(r *rig) {
	for _, c := range storetest.EveryFamily() {
		r.do(c)
	}
	r.store.SetEmitted(1)
	r.commit()
}

var theGroup = fold.Key{User: "a", ConversationID: fold.GroupKey("g").ConversationID}

// applying returns what folds a command.
func applying(c events.Command) func(*store.Store) error {
	return func(s *store.Store) error {
		var fx fold.Effects
		return s.Apply(&store.Entry{Seq: s.Position().Applied + 1, Command: c}, &fx)
	}
}

// reading returns what reads a snapshot.
func reading(fn func(fold.Reader)) func(*store.Store) error {
	return func(s *store.Store) (err error) {
		snap, err := s.Snapshot()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, snap.Close()) }()
		return snap.Read(func(rows fold.Reader) error {
			fn(rows)
			return nil
		})
	}
}

// TestNewerFormat: a row of a format that is not known yet is refused by
// whoever needs it, in words that say what to do.
func TestNewerFormat(t *testing.T) {
	testkit.Unraced(t)
	read := func(c events.Command) events.Command {
		c.Verb, c.Inbox, c.Conversation = events.UserRead, "a", theGroup.ConversationID
		return c
	}
	shows := reading(func(rows fold.Reader) { view.Conversation(rows, theGroup) })
	for _, test := range []struct {
		row  string // its key begins with
		does map[string]func(*store.Store) error
	}{
		{"Mi", nil},
		{"Mp", nil},
		{"Me", map[string]func(*store.Store) error{"emitted": func(s *store.Store) error { _, err := s.Emitted(); return err }}},
		{"ca\x00gg", map[string]func(*store.Store) error{"read": applying(read(events.Command{})), "view": shows}},
		{"gg", map[string]func(*store.Store) error{
			"message": applying(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "new"}), "view": shows,
		}},
		{"ub", map[string]func(*store.Store) error{
			"join and leave": func(s *store.Store) error {
				join := events.Command{Verb: events.GroupJoin, Inbox: "other", Users: []string{"b"}}
				if err := applying(join)(s); err != nil {
					return err
				}
				join.Verb = events.GroupLeave
				return applying(join)(s)
			},
			"view": reading(func(rows fold.Reader) { view.Version(rows, "b") }),
		}},
		{"ng\x00a", map[string]func(*store.Store) error{
			"leave": applying(events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"a"}}),
		}},
		{"igg\x00m7", map[string]func(*store.Store) error{
			"read":  applying(read(events.Command{Upto: "m7"})),
			"again": applying(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "m7"}),
			"view":  reading(func(rows fold.Reader) { rows.Index(fold.GroupKey("g"), "m7") }),
		}},
		{"pgg\x00", map[string]func(*store.Store) error{
			"revoke": applying(events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: "m7"}), "view": shows,
		}},
		{"tgg\x00", map[string]func(*store.Store) error{
			"read":  applying(read(events.Command{UptoAt: 1700000000100, HasUptoAt: true})),
			"block": reading(func(rows fold.Reader) { rows.TimeBlock(fold.GroupKey("g"), 0) }),
		}},
		{"sgg\x00a", map[string]func(*store.Store) error{
			"revoke": applying(events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: "m7"}), "view": shows,
		}},
		{"dgg\x00a", map[string]func(*store.Store) error{
			"revoke": applying(events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: "m7"}), "view": shows,
		}},
		{"wg\x00later\x00a", map[string]func(*store.Store) error{
			"leave": applying(events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"a"}}),
		}},
		{"x", map[string]func(*store.Store) error{"outbox": func(s *store.Store) error {
			snap, err := s.Snapshot()
			if err != nil {
				return err
			}
			defer snap.Close()
			return snap.Outbox(0, func(store.Out) error { return nil })
		}}},
	} {
		t.Run(fmt.Sprintf("%q", test.row), func(t *testing.T) {
			r := &rig{t: t}
			r.open(vfs.NewMem())
			everyFamily(r)
			setFormat(t, r.store.DB(), test.row, store.Format+1)
			if err := r.store.Close(); err != nil {
				t.Fatal(err)
			}
			if test.does == nil {
				_, err := store.Open(store.Config{Dir: "store", FS: r.fs, Identity: identity})
				checkNewer(t, err)
			}
			for name, do := range test.does {
				r.open(r.fs)
				t.Run(name, func(t *testing.T) { checkNewer(t, do(r.store)) })
				if err := r.store.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// setFormat gives the rows whose keys have a prefix another format.
func setFormat(t *testing.T, db *pebble.DB, prefix string, format byte) {
	aged := 0
	eachRow(t, db, func(key, value []byte) {
		if !strings.HasPrefix(string(key), prefix) {
			return
		}
		value[0] = format
		if err := db.Set(key, value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		aged++
	})
	if aged == 0 {
		t.Fatalf("no row begins with %q", prefix)
	}
}

func checkNewer(t *testing.T, err error) {
	t.Helper()
	want := fmt.Sprintf("row has format %d, this reddot knows %d: use the reddot that wrote it, or a newer one", store.Format+1, store.Format)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not say %q", err, want)
	}
	if !errors.Is(err, store.ErrNewer) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrFormat) {
		t.Errorf("error %v is not that of a newer reddot", err)
	}
}

// TestOlderFormat: a store that an older reddot wrote is distinguished from a corrupt one
// before any of its rows is read, in words that say what comes next.
func TestOlderFormat(t *testing.T) {
	for _, row := range []string{"Mi", "Mp", ""} { // "" is all of them
		r := &rig{t: t}
		r.open(vfs.NewMem())
		everyFamily(r)
		setFormat(t, r.store.DB(), row, store.Format-1)
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(store.Config{Dir: "store", FS: r.fs, Identity: identity})
		if !errors.Is(err, store.ErrFormat) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNewer) ||
			!strings.Contains(err.Error(), "it is built anew from the log") {
			t.Errorf("rows %q are of an older format: %v", row, err)
		}
		if _, err := store.Inspect(r.fs, "store"); !errors.Is(err, store.ErrFormat) {
			t.Errorf("rows %q are of an older format: inspect: %v", row, err)
		}
	}
}

// TestNewerFiles: files of a Pebble that is not known yet are a newer reddot's.
func TestNewerFiles(t *testing.T) {
	fs := vfs.NewMem()
	storetest.Fold(t, fs, "store", storetest.EveryFamily()...)
	marker, _, err := atomicfs.LocateMarker(fs, "store", "format-version")
	if err == nil {
		err = errors.Join(marker.Move("999"), marker.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(store.Config{Dir: "store", FS: fs, Identity: identity})
	if !errors.Is(err, store.ErrNewer) || errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "use the reddot that wrote them") {
		t.Error(err)
	}
}
