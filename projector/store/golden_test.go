package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
)

// goldenDir holds the keys and the bytes of every row family in format 2. What
// lies there must be readable as long as the format is.
const goldenDir = "../../testdata/golden/store/v2"

// goldenRow is one stored row with what it must read as.
type goldenRow struct {
	name       string
	key, value []byte
	want       any
	decode     func(value []byte) (any, error)
}

// row makes a golden row of a family.
func row[R any](name string, c codec[R], key []byte, r *R) goldenRow {
	return goldenRow{
		name, key, c.encode(nil, r), r,
		func(b []byte) (any, error) { return c.decode(string(key), string(b)) },
	}
}

const goldenTime = events.Time(1700000000123)

func c2cKey(user, peer string) fold.Key {
	return fold.Key{User: user, ConversationID: events.ConversationID{Kind: events.C2C, ID: peer}}
}

func groupKey(user, group string) fold.Key {
	return fold.Key{User: user, ConversationID: events.ConversationID{Kind: events.Group, ID: group}}
}

// bucket holds the ordinals o.
func bucket(o ...int) *fold.Chunk {
	b := new(fold.Chunk)
	for _, o := range o {
		b[o/64] |= 1 << (o % 64)
	}
	return b
}

func everyOther() *fold.Chunk {
	b := new(fold.Chunk)
	for i := range b {
		b[i] = 0x5555555555555555
	}
	return b
}

// goldenMessages have every flag of a message.
func goldenMessages(k fold.Key) []fold.Message {
	at := goldenTime
	if k.Kind == events.Group {
		return []fold.Message{
			{ID: "m1", From: "bob", At: at, Seq: 1, Counted: true, Mentions: []string{"alice", "卡罗尔"}},
			{ID: "m2", From: "alice", At: at, Seq: 2, Counted: true, All: true, Thread: "t1"},
			{ID: "m3", From: "alice", At: 0, Seq: 3, Silent: true, Mentions: []string{"bob"}, Thread: "t2"},
			{ID: strings.Repeat("m", events.MaxID), From: strings.Repeat("u", events.MaxID), At: events.MaxTime, Seq: 1 << 40, Revoked: true},
			{ID: "r1", From: "bob", At: at, Seq: 1<<40 + 1, Hidden: true},
		}
	}
	return []fold.Message{
		{ID: "m257", From: k.ID, At: at, Seq: 3500, Counted: true, Named: true, Thread: "t1"},
		{ID: "m258", From: k.User, At: at, Seq: 3501, PrevPeer: 257},
		{ID: "m259", From: k.ID, At: at, Seq: 3502, Silent: true},
		{ID: "m260", From: k.ID, At: at, Seq: 3503, Revoked: true},
		{ID: "m261", From: k.User, At: at, Seq: 3504, Silent: true, Revoked: true, Thread: "t1", PrevPeer: 260},
		{ID: "r262", From: k.User, At: at, Seq: 3505, Hidden: true, PrevPeer: 260},
	}
}

// goldenLog is a log whose newest messages are stored with it.
func goldenLog(lk fold.Key, pages uint64, messages []fold.Message) (l fold.Log) {
	l.Head = fold.Cursor{Pos: firstOf(pages) - 1, Ord: fold.Ord(pages)}
	for i := range messages {
		m := messages[i]
		l.Head.Pos++
		if m.Counted {
			l.Head.Ord++
		}
		l.Tail += string(appendRecord(nil, lk, &m))
		if !m.Hidden {
			l.Last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Pos: l.Head.Pos}
		}
		if i == 0 {
			l.Block = fold.Span{Least: m.At, Greatest: m.At}
		}
		l.Block = fold.Span{Least: min(l.Block.Least, m.At), Greatest: max(l.Block.Greatest, m.At)}
	}
	return l
}

// goldenConversations have every flag of a conversation, of its log and of its
// sets on and off.
func goldenConversations() []goldenRow {
	alice, team, lk := c2cKey("alice", "bob@example.com"), groupKey("alice", "team"), fold.GroupKey("team")
	of := func(k fold.Key) []byte { return appendConversation(nil, k) }
	set := fold.Set{TailNo: 3, Stored: 2, Tail: bucket(0, 7, 1023)}
	earlier := fold.Span{Least: goldenTime - 1000, Greatest: goldenTime + 1000}
	long := goldenLog(alice, 16, goldenMessages(alice))
	long.Revoked, long.Last.Revoked = set, true
	full := fold.Log{
		Head: fold.Cursor{Pos: 32, Ord: 30}, Block: fold.Span{Least: goldenTime - 1000, Greatest: goldenTime},
		Last: fold.Last{ID: "m32", From: "bob@example.com", At: goldenTime, Seq: 32, Pos: 32},
	}
	reacted, only := full, fold.Log{Block: earlier}
	reacted.Head.Pos, reacted.Block, reacted.Last.Pos, reacted.Last.Revoked = 48, earlier, 40, true
	only.Head.Pos = 16
	first := goldenLog(alice, 0, goldenMessages(alice)[:1])
	group := goldenLog(lk, 16, goldenMessages(lk))
	group.Version, group.Revoked, group.All = 4000, set, fold.Set{TailNo: 1, Tail: everyOther()}
	group.Members, group.Peak = 2000, 3000
	later := goldenLog(lk, 18, goldenMessages(lk)[4:])
	later.Block, later.Last = earlier, fold.Last{ID: "m280", From: "bob", At: goldenTime, Seq: 9, Pos: 280}
	group.Recalls = []fold.Recall{{Ord: 250, From: "bob", Seq: 4002}, {Ord: 7, From: "alice", Seq: 4003}}
	dismissed := goldenLog(lk, 0, goldenMessages(lk)[:1])
	dismissed.Peak, dismissed.Dismissed = 3, 4001
	return []goldenRow{
		row("conversation.c2c", conversationRows, of(alice), &fold.Conversation{
			Log: long, Peer: fold.PeerMark{Pos: 260, ID: "m260"}, Version: 4001,
			Read: fold.Cursor{Pos: 200, Ord: 10}, ReadAt: goldenTime, ReadSeq: 3000, ReadSet: true,
			Sent: 255, Deleted: true, DeletedAt: 17, Muted: true, Marked: true,
			PendingReads: []fold.PendingRead{
				{ID: "m400", At: goldenTime, Seq: 3900}, {ID: "m401", At: goldenTime, Seq: 3901, Open: true, OpenAt: goldenTime},
				{ID: "m402", At: goldenTime, Seq: 3902, Open: true, OpenAt: goldenTime + 7},
			},
			Receipt: &fold.Receipt{Upto: "m200", Pos: 200, At: goldenTime - 5, Seq: 2999},
			Named:   fold.Set{TailNo: 0, Tail: bucket(17)}, NamedAfter: 1,
		}),
		row("conversation.c2c.reacted", conversationRows, of(alice), &fold.Conversation{
			Log: reacted, Peer: fold.PeerMark{Pos: 48, ID: "r48"}, Version: 32, ReadSeq: 1,
		}),
		row("conversation.c2c.hidden", conversationRows, of(alice), &fold.Conversation{
			Log: only, Peer: fold.PeerMark{Pos: 16, ID: "r16"},
		}),
		row("conversation.c2c.untold", conversationRows, of(alice), &fold.Conversation{
			Log: first, Peer: fold.PeerMark{Pos: 1, ID: "m257"}, Version: 3600,
			Read: first.Head, ReadAt: goldenTime, ReadSeq: 3600, ReadSet: true,
		}),
		row("conversation.c2c.first", conversationRows, of(alice), &fold.Conversation{
			Log: first, Peer: fold.PeerMark{Pos: 1, ID: "m257"}, Version: 3500,
		}),
		row("conversation.c2c.read", conversationRows, of(alice), &fold.Conversation{
			Log: first, Peer: fold.PeerMark{Pos: 1, ID: "m257"}, Version: 3600,
			Read: first.Head, ReadAt: goldenTime, ReadSeq: 3600, ReadSet: true,
			Receipt: &fold.Receipt{Upto: "m257", Pos: 1, At: goldenTime, Seq: 3600},
		}),
		row("conversation.c2c.full", conversationRows, of(alice), &fold.Conversation{
			Log: full, Peer: fold.PeerMark{Pos: 32, ID: "m32"}, Version: 32, ReadSeq: 1,
		}),
		row("conversation.c2c.muted", conversationRows, of(alice), &fold.Conversation{Muted: true}),
		row("conversation.c2c.era", conversationRows, of(alice), &fold.Conversation{Muted: true, Era: 3900}),
		row("conversation.c2c.early", conversationRows, of(alice), &fold.Conversation{PendingReads: []fold.PendingRead{{ID: "m1", At: goldenTime, Seq: 1, Open: true, OpenAt: goldenTime}}}),
		row("conversation.member", conversationRows, of(team), &fold.Conversation{
			Version: 4001, Read: fold.Cursor{Pos: 200, Ord: 170}, ReadSeq: 3000,
			Join: fold.Cursor{Pos: 100, Ord: 90}, JoinSeq: 1000,
			Own: set, OwnAfter: 3, Named: set, NamedAfter: 2, OwnAll: set, OwnAllAfter: 1,
		}),
		row("conversation.member.first", conversationRows, of(team), &fold.Conversation{Version: 5, ReadSeq: 5, JoinSeq: 5}),
		row("group", groupRows, appendGroup(nil, "team"), &group),
		row("group.new", groupRows, appendGroup(nil, "team"), &fold.Log{Members: 1, Peak: 1}),
		row("group.reacted", groupRows, appendGroup(nil, "team"), &later),
		row("group.dismissed", groupRows, appendGroup(nil, "team"), &dismissed),
	}
}

func goldenOthers() []goldenRow {
	alice, lk := c2cKey("alice", "bob@example.com"), fold.GroupKey("team")
	team := groupKey("alice", "team")
	version, span := events.Seq(4001), fold.Span{Least: goldenTime, Greatest: goldenTime + 1}
	block := func(k fold.Key, no uint64) []byte { return appendBlock(nil, pageKey{k, no}) }
	index := func(k fold.Key, id string) []byte { return appendIndex(nil, indexKey{k, id}) }
	in := func(k fold.SetKey, no uint64) []byte { return appendBucket(nil, bucketKey{k, no}) }
	dir := func(k fold.SetKey) []byte { return appendDirectory(nil, k) }
	return []goldenRow{
		row("user", userRows, appendUser(nil, "alice"), &account{Version: version}),
		row("user.erased", userRows, appendUser(nil, "alice"), &account{version, 3900}),
		row("member", memberRows, appendMember(nil, memberKey{"team", "alice"}), &version),
		row("sweep.dismiss", sweepRows, appendSweep(nil, 4001), &fold.Sweep{
			Seq: 4001, At: goldenTime, Kind: fold.SweepDismiss, ID: "team", Head: fold.Cursor{Pos: 260, Ord: 250}, Rows: 100_000,
		}),
		row("sweep.join", sweepRows, appendSweep(nil, 4003), &fold.Sweep{
			Seq: 4003, At: goldenTime, Kind: fold.SweepJoin, ID: "team", Head: fold.Cursor{Pos: 260, Ord: 250}, Users: []string{"alice", "bob@example.com", "卡罗尔"}, Rows: 3,
		}),
		row("sweep.leave", sweepRows, appendSweep(nil, 4004), &fold.Sweep{Seq: 4004, At: goldenTime, Kind: fold.SweepLeave, ID: "team", Users: []string{"alice"}, Rows: 1}),
		row("sweep.erase", sweepRows, appendSweep(nil, 4002), &fold.Sweep{Seq: 4002, At: goldenTime, Kind: fold.SweepErase, ID: "alice", Era: 3900}),
		row("progress", progressRows, []byte{famProgress}, &fold.Progress{Swept: 300, Last: "bob@example.com"}),
		row("waiter", waiterRows, appendWaiter(nil, waiterKey{"team", "m400", "alice"}), &present{}),
		row("block.c2c", blockRows, block(alice, 0), &span),
		row("block.group", blockRows, block(lk, 256), &span),
		row("index.c2c", indexRows, index(alice, "m300"), &fold.Index{Pos: 300, Ord: 250, Counted: true}),
		row("index.group", indexRows, index(lk, "m1"), &fold.Index{Pos: 1}),
		row("index.era", indexRows, index(c2cKey(inEra("alice", 3900), "bob"), "m300"), &fold.Index{Pos: 300, Ord: 250, Counted: true}),
		row("index.early", indexRows, index(lk, "m400"), &fold.Index{Revoked: true, Awaited: 300}),
		row("bucket.list", bucketRows, in(alice.Set(fold.SetRevoked), 0), bucket(0, 1, 64, 1023)),
		row("bucket.bits", bucketRows, in(lk.Set(fold.SetAll), 70000), everyOther()),
		row("bucket.own", bucketRows, in(team.Set(fold.SetOwn), 1), bucket(5)),
		row("directory.c2c", directoryRows, dir(alice.Set(fold.SetNamed)), &fold.Directory{{No: 0, Len: 1024}}),
		row("directory.group", directoryRows, dir(lk.Set(fold.SetRevoked)), &fold.Directory{{No: 0, Len: 1}, {No: 2, Len: 300}, {No: 70000, Len: 7}}),
		row("directory.member", directoryRows, dir(team.Set(fold.SetOwnAll)), &fold.Directory{{No: 3, Len: 2}}),
	}
}

// goldenPages are full.
func goldenPages() []goldenRow {
	full := func(name string, lk fold.Key, no uint64) goldenRow {
		p := page{base: 200}
		messages := goldenMessages(lk)
		for i := range fold.PageSize {
			p.records += string(appendRecord(nil, lk, &messages[i%len(messages)]))
		}
		return row(name, pageRows, appendPage(nil, pageKey{lk, no}), &p)
	}
	return []goldenRow{full("page.c2c", c2cKey("alice", "bob@example.com"), 16), full("page.group", fold.GroupKey("team"), 0)}
}

// goldenMeta are the rows that are not part of the digest.
func goldenMeta() []goldenRow {
	position := Position{Applied: 4001, Last: 0x123456789abcdef0, Log: 0x0f1e2d3c4b5a6978, Policy: events.OwnAdvance, Refused: []uint64{0, 2, 0, 1}, Ignored: 200, Accepted: []uint64{0, 3000, 7}, Skipped: []events.Seq{17, 3999}, rows: 0xfedcba9876543210}
	identity := events.StreamID{Name: "UNREAD_COMMANDS", Created: time.Unix(1700000000, 5)}
	emitted := events.Seq(3990)
	rejected := Out{Seq: 4000, At: goldenTime, Rejected: &events.Rejected{
		Seq: 4000, At: goldenTime, Subject: "unread.cmd.user.alice.read", Reason: fold.ReasonNotMember,
	}}
	noted := Out{Seq: 70000, At: goldenTime, Noted: []fold.Key{groupKey("alice", "team"), c2cKey("bob", "alice")}}
	swept := Out{Seq: 70001, At: goldenTime, Noted: noted.Noted, Swept: []fold.Departure{{Key: groupKey("bob", "team"), Seq: 4001, At: goldenTime - 1}}}
	out := func(name string, o Out) goldenRow {
		return goldenRow{name, outboxKey(o.Seq), o.encode(), o, func(b []byte) (any, error) { return decodeOut(o.Seq, b) }}
	}
	return []goldenRow{
		{"meta.position", keyPosition, position.encode(), position, func(b []byte) (any, error) { return decodePosition(b) }},
		{"meta.identity", keyIdentity, encodeIdentity(identity), identity, func(b []byte) (any, error) { return readIdentity(b) }},
		{"meta.emitted", keyEmitted, encodeNumber(nil, &emitted), &emitted, func(b []byte) (any, error) { return decodeNumber[events.Seq]("", string(b)) }},
		out("outbox.rejected", rejected),
		out("outbox.noted", noted),
		out("outbox.swept", swept),
	}
}

func goldenRows() []goldenRow {
	return append(append(append(goldenConversations(), goldenOthers()...), goldenPages()...), goldenMeta()...)
}

func TestGoldenRows(t *testing.T) {
	for _, g := range goldenRows() {
		t.Run(g.name, func(t *testing.T) {
			key, value := golden(t, g)
			if !bytes.Equal(key, g.key) || !bytes.Equal(value, g.value) {
				t.Errorf("the row is now\n%s", dumpRow(g.key, g.value))
			}
			got, err := g.decode(value)
			if d := cmp.Diff(g.want, got, cmp.AllowUnexported(Position{}, page{})); d != "" || err != nil {
				t.Errorf("the row reads as another one (- written, + read): %v\n%s", err, d)
			}
			if value[0] != Format {
				t.Errorf("the row begins with %d instead of its format", value[0])
			}
		})
	}
}

// TestGoldenFlags says that the golden rows have every flag set and unset.
func TestGoldenFlags(t *testing.T) {
	var conversations, logs, indexes, c2c, group uint64
	for _, g := range goldenRows() {
		switch v := g.want.(type) {
		case *fold.Conversation:
			conversations |= conversationFlags(v)
			logs |= uint64(logFlags(&v.Log))
		case *fold.Log:
			logs |= uint64(logFlags(v))
		case *fold.Index:
			indexes |= uint64(g.value[1])
		case *page:
			v.each(func(flags uint64, _ string) bool {
				if g.name == "page.c2c" {
					c2c |= flags
				} else {
					group |= flags
				}
				return true
			})
		}
	}
	const c2cOnly, groupOnly = msgNamed | msgOwn, msgAll | msgMentions
	for _, f := range []struct {
		name      string
		got, want uint64
	}{
		{"conversation", conversations, convFlagsEnd - 1},
		{"log", logs, logFlagsEnd - 1},
		{"index", indexes, indexAwaited<<1 - 1},
		{"message of a C2C page", c2c, (msgFlagsEnd - 1) &^ groupOnly},
		{"message of a group's page", group, (msgFlagsEnd - 1) &^ c2cOnly},
	} {
		if f.got != f.want {
			t.Errorf("flags of a %s: %#b in the golden rows, of %#b", f.name, f.got, f.want)
		}
	}
}

// golden returns the row of a golden file.
func golden(t *testing.T, g goldenRow) (key, value []byte) {
	path := filepath.Join(goldenDir, g.name+".hex")
	if testkit.Rewrite() {
		testkit.WriteGolden(t, path, []byte(dumpRow(g.key, g.value)))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the tests of store with -rewrite if it is new", err)
	}
	rest, ok := strings.CutPrefix(string(text), "key\n")
	k, v, ok2 := strings.Cut(rest, "value\n")
	if !ok || !ok2 {
		t.Fatalf("%s: no key or no value", path)
	}
	if key, err = undump(k); err == nil {
		value, err = undump(v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return key, value
}

func dumpRow(key, value []byte) string { return "key\n" + hex.Dump(key) + "value\n" + hex.Dump(value) }

// undump reads what hex.Dump wrote: an offset, 16 bytes, their text.
func undump(dump string) ([]byte, error) {
	var b []byte
	for line := range strings.Lines(dump) {
		_, rest, ok := strings.Cut(line, "  ")
		digits, _, ok2 := strings.Cut(rest, "|")
		if !ok || !ok2 {
			return nil, fmt.Errorf("not a line of a dump: %q", line)
		}
		part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			return nil, err
		}
		b = append(b, part...)
	}
	return b, nil
}

// readIdentity reads the row of a store's stream.
func readIdentity(value []byte) (id events.StreamID, err error) {
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Logger: quiet()})
	if err != nil {
		return id, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Set(keyIdentity, value, nil); err != nil {
		return id, err
	}
	id, _, err = findIdentity(db)
	return id, err
}

func quiet() pebbleLogger { return pebbleLogger{slog.New(slog.DiscardHandler)} }
