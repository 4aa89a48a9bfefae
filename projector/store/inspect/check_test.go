package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/projector/store/row"
	"reddot/projector/storetest"
)

// closed is the file system of a store with a row of every family, closed.
func closed(t *testing.T) (*vfs.MemFS, store.Position) {
	fs := vfs.NewMem()
	return fs, storetest.Fold(t, fs, "store", storetest.EveryFamily()...)
}

// TestCheck reads a whole store, reports how far it is, and changes nothing.
func TestCheck(t *testing.T) {
	fs, position := closed(t)
	before := storetest.Files(t, fs, "store")
	var reported []uint64
	info, err := inspect.Check(context.Background(), fs, "store", func(rows uint64) { reported = append(reported, rows) })
	if err != nil {
		t.Fatal(err)
	}
	want := store.Info{Format: store.Format, Identity: storetest.Identity(), Position: position}
	if d := cmp.Diff(want, info, cmp.AllowUnexported(store.Position{})); d != "" {
		t.Error(d)
	}
	if len(reported) < 2 || !slices.IsSorted(reported) {
		t.Errorf("progress: %v", reported)
	}
	inspected, err := store.Inspect(fs, "store")
	if d := cmp.Diff(info, inspected, cmp.AllowUnexported(store.Position{})); d != "" || err != nil {
		t.Error(d, err)
	}
	if after := storetest.Files(t, fs, "store"); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Errorf("the folder held %q, and holds %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
	rows := len(storetest.Rows(t, fs, "store"))
	if reported[len(reported)-1] != uint64(rows) {
		t.Errorf("%d rows were read, of %d", reported[len(reported)-1], rows)
	}
}

// TestCheckEnds: a check ends with its context.
func TestCheckEnds(t *testing.T) {
	fs, _ := closed(t)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := inspect.Check(ctx, fs, "store", func(uint64) { cancel() })
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrCorrupt) {
		t.Error(err)
	}
}

// TestCheckNames spoils one row at a time, past the store: a check says which
// one can't be read, or else that the digest is another.
func TestCheckNames(t *testing.T) {
	const digest = "add up to"
	cut := func(v []byte) []byte { return v[:len(v)-1] }
	set := func(at int, b byte) func([]byte) []byte {
		return func(v []byte) []byte { v[at] = b; return v }
	}
	gone := func([]byte) []byte { return nil }
	whole, _ := closed(t)
	before := storetest.Files(t, whole, "store")
	for _, test := range []struct {
		key   string
		spoil func([]byte) []byte
		want  string
	}{
		{"ca\x00cd", cut, "conversation of a with c2c_d"},
		{"ca\x00gg", set(1, 0x7f), "conversation of a in group_g"},
		{"ca\x00gg", gone, digest},
		{"gg", cut, "log of group_g"},
		{"igg\x00m7", set(2, 9), digest},
		{"igg\x00m7", set(0, 7), "message id m7 of the log of group_g"},
		{"igg\x00other", func([]byte) []byte { return []byte{store.Format, 0, 1, 1} }, digest},
		{"pgg\x00\x01\x01", cut, "page 1 of the log of group_g"},
		{"pgg\x00\x01\x01", gone, digest},
		{"sgg\x00a\x00", cut, "chunk 0 of the messages to all of the log of group_g"},
		{"dgg\x00a", cut, "chunks of the messages to all of the log of group_g"},
		{"tgg\x00\x00", cut, "time block 0 of the log of group_g"},
		{"ng\x00a", gone, digest},
		{"ng\x00a", func(v []byte) []byte { return append(v, 0) }, "membership of a in group_g"},
		{"wg\x00later\x00a", cut, "pending read of a up to later in group_g"},
		{"ub", set(2, 0x81), digest},
		{"ub", cut, "account of b"},
		{"zzz", func([]byte) []byte { return []byte("?") }, `unknown row "zzz"`},
		{"x\x02\x10\x6c", cut, "outbox of seq 4204"},
		{"Me", cut, "emitted position"},
		{"Mz", func([]byte) []byte { return []byte("?") }, `unknown row "Mz"`},
	} {
		fs := storetest.FolderOf(t, before)
		spoil(t, fs, test.key, test.spoil)
		_, err := inspect.Check(context.Background(), fs, "store", nil)
		if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q spoilt: %v, without %q", test.key, err, test.want)
		}
	}
}

// spoil changes a row of a closed store; nil deletes it.
func spoil(t *testing.T, fs *vfs.MemFS, key string, change func([]byte) []byte) {
	t.Helper()
	storetest.Spoil(t, fs, "store", []byte(key), change)
}

// TestCheckFindsAnyRow alters one row of each family, whatever it is of, and takes
// another one away: a check finds it.
func TestCheckFindsAnyRow(t *testing.T) {
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	whole := vfs.NewMem()
	storetest.Fold(t, whole, "store", append(storetest.EveryFamily(),
		events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "r1", Receipt: true},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "t1", Thread: "m1"},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "a", ID: "t2", Thread: "m1"},
		events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: "t3", Thread: "m1"},
		events.Command{Verb: events.UserRead, Inbox: "a", Conversation: group, Thread: "m1", HasThread: true},
	)...)
	before, families := storetest.Files(t, whole, "store"), store.AllFamilies()
	last := map[byte]storetest.Row{}
	for _, r := range storetest.Rows(t, whole, "store") {
		last[r.Key[0]] = r
	}
	for prefix := range families {
		r, stored := last[prefix]
		if swept := prefix == row.Sweeps || prefix == row.Progress; stored == swept {
			t.Errorf("family %q has a row: %v", prefix, stored)
		}
		if !stored || !families.InDigest(r.Key) {
			continue
		}
		for what, spoil := range map[string]func([]byte) []byte{
			"altered": func(v []byte) []byte { v[len(v)-1] ^= 1; return v },
			"gone":    func([]byte) []byte { return nil },
		} {
			fs := storetest.FolderOf(t, before)
			storetest.Spoil(t, fs, "store", r.Key, spoil)
			if _, err := inspect.Check(context.Background(), fs, "store", nil); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s is %s: %v", families.Name(r.Key), what, err)
			}
		}
	}
}
