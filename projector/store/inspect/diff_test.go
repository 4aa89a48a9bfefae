package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/inspect"
	"reddot/projector/storetest"
)

var theGroup = events.ConversationID{Kind: events.Group, ID: "g"}

// twoStores are two closed stores with a row of every family, in the folders
// "store" and "other", of which the latter folded one more command.
func twoStores(t *testing.T, more ...events.Command) *vfs.MemFS {
	fs, _ := closed(t)
	if _, err := vfs.Clone(fs, fs, "store", "other"); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Config{Dir: "other", FS: fs, Identity: storetest.Identity()})
	if err != nil {
		t.Fatal(err)
	}
	var fx fold.Effects
	for i, c := range more { // at no time, so that it does not show
		if err := s.Apply(&store.Entry{Seq: s.Position().Applied + 1, Command: c}, &fx); err != nil {
			t.Fatal(i, err)
		}
	}
	_, err = s.Commit()
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return fs
}

func diff(t *testing.T, fs vfs.FS, limit int) []string {
	t.Helper()
	all, err := inspect.Diff(context.Background(), fs, "store", "other", limit)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range all {
		lines = append(lines, d.String())
	}
	return lines
}

// TestDiff: rows that differ are described in words, field by field.
func TestDiff(t *testing.T) {
	for _, test := range []struct {
		name string
		more []events.Command
		want []string
	}{
		{"equal", nil, nil},
		{"read", []events.Command{{Verb: events.UserRead, Inbox: "a", Conversation: theGroup, Upto: "m9"}}, []string{
			"conversation of a in group_g: Version=1 Read.Pos=0 Read.Ord=0 ReadSeq=1 ReadSet=false Moved=1" +
				" | Version=4207 Read.Pos=10 Read.Ord=10 ReadSeq=4207 ReadSet=true Moved=4207",
			"position and counters: Applied=4206 Accepted.user.read=1 | Applied=4207 Accepted.user.read=2",
		}},
		{"message", []events.Command{{Verb: events.UserMessage, Inbox: "new user", From: "d", ID: "m2", Mentions: []string{"new user"}}}, []string{
			`conversation of "new user" with c2c_d: none | Log.Head.Pos=1 Log.Head.Ord=1 Log.Last.ID=m2 Log.Last.From=d` +
				` Log.Last.Seq=4207 Log.Last.Pos=1 Log.Counted=1 Peer.Pos=1 Peer.ID=m2 Version=4207 Named.Tail=1`,
			`message 1 of the conversation of "new user" with c2c_d: none | ID=m2 From=d Seq=4207 Ord=1 Counted=true Named=true`,
			"position and counters: Applied=4206 Accepted.user.message=1 | Applied=4207 Accepted.user.message=2",
		}},
		{"message to all", []events.Command{{Verb: events.GroupMessage, Inbox: "g", From: "d", ID: "m x", MentionAll: true, At: 7, HasAt: true}}, []string{
			"messages of d in group_g: none | Own.Tail=105 Own.TailNo=4",
			`log of group_g: Head.Pos=4200 Head.Ord=4200 Last.ID=m4199 Last.From=c Last.At=1700000004201 Last.Seq=4201 Last.Pos=4200 Version=4201` +
				` Block.Least=1700000004098 All.Tail=0-104 Counted=4200 | Head.Pos=4201 Head.Ord=4201 Last.ID="m x" Last.From=d Last.At=7 Last.Seq=4207 Last.Pos=4201` +
				` Version=4207 Block.Least=7 All.Tail=0-105 Counted=4201`,
			`message 4201 of the log of group_g: none | ID="m x" From=d At=7 Seq=4207 Ord=4201 Counted=true All=true`,
			"position and counters: Applied=4206 Accepted.group.message=4200 | Applied=4207 Accepted.group.message=4201",
		}},
		{"policy", []events.Command{{Verb: events.PolicySet, OwnMessage: events.OwnAdvance}}, []string{
			"position and counters: Applied=4206 Policies.Own=keep Accepted.policy=0 | Applied=4207 Policies.Own=advance Accepted.policy=1",
		}},
		{"leave", []events.Command{{Verb: events.GroupLeave, Inbox: "g", Users: []string{"a"}}}, []string{
			"conversation of a in group_g: Version=1 ReadSeq=1 JoinSeq=1 PendingReads[0].ID=later PendingReads[0].At=1700000004203 PendingReads[0].Seq=4203 PendingReads[0].Open=true PendingReads[0].OpenAt=1700000004203 Moved=1 | none",
			"log of group_g: Members=1 | Members=0",
			"message id later of the log of group_g: Awaited=1 | none",
			"membership of a in group_g: Joined=1 | none",
			"counts 0.0 of the joins of group_g: " + fmt.Sprint(fold.Counts{1}) + " | none",
			"account of a: none | Lost=4207",
			"pending read of a up to later in group_g: there | none",
			"position and counters: Applied=4206 Accepted.group.leave=1 | Applied=4207 Accepted.group.leave=2",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, diff(t, twoStores(t, test.more...), 100)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDiffOfSpoiltRows: rows that can't be read, or that read the same, are described
// too, and no more than were asked for.
func TestDiffOfSpoiltRows(t *testing.T) {
	fs := twoStores(t)
	spoil(t, fs, "ub", func(v []byte) []byte { return v[:1] })
	spoil(t, fs, "ng\x00a", func([]byte) []byte { return nil })
	spoil(t, fs, "pgg\x00\x01\x02", func(v []byte) []byte { return v[:2] })
	spoil(t, fs, "sgg\x00a\x00", func(v []byte) []byte { v[5] ^= 0x10; return v })
	spoil(t, fs, "igg\x00m7", func(v []byte) []byte { return append(v[:2], 0x88, 0, 8) }) // 8 in two bytes
	want := []string{
		fmt.Sprintf("message id m7 of the log of group_g: bytes %02[1]x01880008 | bytes %02[1]x010808", store.Format),
		"membership of a in group_g: none | Joined=1",
		"page 2 of the log of group_g: the store is damaged: row is corrupt | 16 messages",
		"chunk 0 of the messages to all of the log of group_g: 1-27,29-1023 | 1-1023",
		"account of b: the store is damaged: row is corrupt Lost=none Era=none Settings.Filters=none Settings.Filtered=none Settings.Blocked=none" +
			" | none Lost=4202 Era=0 Settings.Filters=[] Settings.Filtered=0 Settings.Blocked=[]",
	}
	got := diff(t, fs, 100)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[:2], diff(t, fs, 2)); d != "" {
		t.Error(d)
	}
}

// TestDiffEnds: a comparison ends with its context.
func TestDiffEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := inspect.Diff(ctx, twoStores(t), "store", "other", 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
