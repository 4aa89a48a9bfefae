package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
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
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// goldenDir holds the keys and the bytes of every row family in format 1. What
// lies there must be readable as long as the format is.
const goldenDir = "../../testdata/golden/store/v1"

// goldenRow is one stored row with what it must read as.
type goldenRow struct {
	name       string
	key, value []byte
	want       any
	decode     func(value []byte) (any, error)
}

// row makes a golden row of a family.
func row[K comparable, R any](name string, c codec[K, R], k K, r *R) goldenRow {
	return goldenRow{
		name, c.key(nil, k), c.encode(nil, r), r,
		func(b []byte) (any, error) { return c.decode(b) },
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
func bucket(o ...int) *fold.Bucket {
	b := new(fold.Bucket)
	for _, o := range o {
		b[o/64] |= 1 << (o % 64)
	}
	return b
}

func everyOther() *fold.Bucket {
	b := new(fold.Bucket)
	for i := range b {
		b[i] = 0x5555555555555555
	}
	return b
}

// goldenConversations have every flag of a conversation, of its log and of its
// sets on and off.
func goldenConversations() []goldenRow {
	alice, team := c2cKey("alice", "bob@example.com"), groupKey("alice", "team")
	set := fold.Set{TailNo: 3, Stored: 2, Tail: bucket(0, 7, 1023)}
	log := fold.Log{
		Head: fold.Cursor{Pos: 300, Ord: 250}, Version: 0, BlockMin: goldenTime - 1000,
		Last: fold.Last{ID: "m300", From: "bob@example.com", At: goldenTime, Seq: 4000}, Revoked: set,
	}
	return []goldenRow{
		row("conversation.c2c", conversationRows, alice, &fold.Conversation{
			Log: log, Peer: fold.PeerMark{Pos: 298, ID: "m298"}, Version: 4001,
			Read: fold.Cursor{Pos: 200, Ord: 170}, ReadAt: goldenTime, ReadSeq: 3000, ReadSet: true,
			Hidden: true, HiddenAt: 250, Muted: true, Marked: true,
			Early:   &fold.Early{ID: "m400", At: goldenTime, Seq: 3900, Private: true},
			Receipt: &fold.Receipt{Upto: "m200", At: goldenTime, Seq: 3000},
			Named:   fold.Set{TailNo: 0, Tail: bucket(249)}, NamedAfter: 1,
		}),
		row("conversation.c2c.first", conversationRows, alice, &fold.Conversation{
			Log: fold.Log{
				Head: fold.Cursor{Pos: 1, Ord: 1}, BlockMin: goldenTime,
				Last: fold.Last{ID: "m1", From: "bob@example.com", At: goldenTime, Seq: 1},
			},
			Peer: fold.PeerMark{Pos: 1, ID: "m1"}, Version: 1,
		}),
		row("conversation.c2c.muted", conversationRows, alice, &fold.Conversation{Muted: true}),
		row("conversation.c2c.early", conversationRows, alice, &fold.Conversation{Early: &fold.Early{ID: "m1", At: goldenTime, Seq: 1}}),
		row("conversation.member", conversationRows, team, &fold.Conversation{
			Version: 4001, Read: fold.Cursor{Pos: 200, Ord: 170}, ReadSeq: 3000,
			Join: fold.Cursor{Pos: 100, Ord: 90}, JoinSeq: 1000,
			Own: set, OwnAfter: 3, Named: set, NamedAfter: 2, OwnAll: set, OwnAllAfter: 1,
		}),
		row("conversation.member.first", conversationRows, team, &fold.Conversation{Version: 5, ReadSeq: 5, JoinSeq: 5}),
		row("group", groupRows, "team", &fold.Log{
			Head: log.Head, Last: log.Last, BlockMin: log.BlockMin, Version: 4000,
			Revoked: set, All: fold.Set{TailNo: 1, Tail: everyOther()}, Members: 2000, Peak: 3000,
			Recalls: []fold.Recall{{Ord: 250, From: "bob", Seq: 4002}, {Ord: 7, From: "alice", Seq: 4003}},
		}),
		row("group.new", groupRows, "team", &fold.Log{Members: 1, Peak: 1}),
		row("group.dismissed", groupRows, "team", &fold.Log{Peak: 3, Head: fold.Cursor{Pos: 1}, Last: fold.Last{ID: "m1", From: "bob", Seq: 1}}),
	}
}

func goldenOthers() []goldenRow {
	alice, lk := c2cKey("alice", "bob@example.com"), fold.GroupKey("team")
	team := groupKey("alice", "team")
	version, least := events.Seq(4001), goldenTime
	return []goldenRow{
		row("user", userRows, "alice", &version),
		row("member", memberRows, memberKey{"team", "alice"}, &present{}),
		row("waiter", waiterRows, waiterKey{"team", "m400", "alice"}, &present{}),
		row("block.c2c", blockRows, pageKey{alice, 0}, &least),
		row("block.group", blockRows, pageKey{lk, 256}, &least),
		row("index.c2c", indexRows, indexKey{alice, "m300"}, &fold.Index{Pos: 300, Ord: 250, Counted: true}),
		row("index.group", indexRows, indexKey{lk, "m1"}, &fold.Index{Pos: 1}),
		row("index.early", indexRows, indexKey{lk, "m400"}, &fold.Index{Revoked: true, Awaited: 300}),
		row("bucket.list", bucketRows, bucketKey{alice.Set(fold.SetRevoked), 0}, bucket(0, 1, 64, 1023)),
		row("bucket.bits", bucketRows, bucketKey{lk.Set(fold.SetAll), 70000}, everyOther()),
		row("bucket.own", bucketRows, bucketKey{team.Set(fold.SetOwn), 1}, bucket(5)),
		row("directory.c2c", directoryRows, alice.Set(fold.SetNamed), &fold.Directory{{No: 0, Len: 1024}}),
		row("directory.group", directoryRows, lk.Set(fold.SetRevoked), &fold.Directory{{No: 0, Len: 1}, {No: 2, Len: 300}, {No: 70000, Len: 7}}),
		row("directory.member", directoryRows, team.Set(fold.SetOwnAll), &fold.Directory{{No: 3, Len: 2}}),
	}
}

// goldenPages have every flag of a message.
func goldenPages() []goldenRow {
	alice, lk := c2cKey("alice", "bob@example.com"), fold.GroupKey("team")
	page := func(name string, k pageKey, base fold.Ord, messages []fold.Message) goldenRow {
		var value []byte
		for i := range messages {
			m := &messages[i]
			if m.Counted {
				base++
			}
			m.Ord = base
			value = appendRecord(value, k.log, m, i == 0)
		}
		return goldenRow{name, appendPage(nil, k), value, messages, func(b []byte) (any, error) { return readPage(b, k) }}
	}
	at := goldenTime
	return []goldenRow{
		page("page.c2c", pageKey{alice, 4}, 200, []fold.Message{
			{ID: "m257", From: "bob@example.com", At: at, Seq: 3500, Counted: true, Named: true, Thread: "t1"},
			{ID: "m258", From: "alice", At: at, Seq: 3501, PrevPeer: 257},
			{ID: "m259", From: "bob@example.com", At: at, Seq: 3502, Silent: true},
			{ID: "m260", From: "bob@example.com", At: at, Seq: 3503, Revoked: true},
			{ID: "m261", From: "alice", At: at, Seq: 3504, Silent: true, Revoked: true, Thread: "t1", PrevPeer: 260},
		}),
		page("page.group", pageKey{lk, 0}, 0, []fold.Message{
			{ID: "m1", From: "bob", At: at, Seq: 1, Counted: true, Mentions: []string{"alice", "卡罗尔"}},
			{ID: "m2", From: "alice", At: at, Seq: 2, Counted: true, All: true, Thread: "t1"},
			{ID: "m3", From: "alice", At: 0, Seq: 3, Silent: true, Mentions: []string{"bob"}, Thread: "t2"},
			{ID: strings.Repeat("m", events.MaxID), From: strings.Repeat("u", events.MaxID), At: events.MaxTime, Seq: 1 << 40, Revoked: true},
		}),
	}
}

// readPage reads all messages of a page.
func readPage(b []byte, k pageKey) ([]fold.Message, error) {
	p, err := decodePage(b)
	if err != nil {
		return nil, err
	}
	var all []fold.Message
	for i := range p.records {
		m, err := p.message(k.log, fold.Pos(k.no*fold.PageSize)+fold.Pos(i)+1)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// goldenMeta are the rows that are not part of the digest.
func goldenMeta() []goldenRow {
	position := Position{Applied: 4001, Last: 0x123456789abcdef0, Policy: events.OwnAdvance, Refused: 3, Ignored: 200, Accepted: []uint64{0, 3000, 7}, rows: 0xfedcba9876543210}
	identity := Identity{Stream: "UNREAD_COMMANDS", Created: time.Unix(1700000000, 5)}
	emitted := events.Seq(3990)
	rejected := Out{Seq: 4000, At: goldenTime, Rejected: &events.Rejected{
		Seq: 4000, At: goldenTime, Subject: "unread.cmd.user.alice.read", Reason: fold.ReasonNotMember,
	}}
	noted := Out{Seq: 70000, At: goldenTime, Noted: []fold.Key{groupKey("alice", "team"), c2cKey("bob", "alice")}}
	out := func(name string, o Out) goldenRow {
		return goldenRow{name, outboxKey(o.Seq), o.encode(), o, func(b []byte) (any, error) { return decodeOut(o.Seq, b) }}
	}
	return []goldenRow{
		{"meta.position", keyPosition, position.encode(), position, func(b []byte) (any, error) { return decodePosition(b) }},
		{"meta.identity", keyIdentity, encodeIdentity(identity), identity, func(b []byte) (any, error) { return readIdentity(b) }},
		{"meta.emitted", keyEmitted, encodeNumber(nil, &emitted), &emitted, func(b []byte) (any, error) { return decodeNumber[events.Seq](b) }},
		out("outbox.rejected", rejected),
		out("outbox.noted", noted),
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
			if d := cmp.Diff(g.want, got, cmp.AllowUnexported(Position{})); d != "" || err != nil {
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
			logs |= logFlags(&v.Log)
		case *fold.Log:
			logs |= logFlags(v)
		case *fold.Index:
			indexes |= uint64(g.value[1])
		case []fold.Message:
			for i := range v {
				if g.name == "page.c2c" {
					c2c |= uint64(recordFlags(c2cKey("alice", "bob@example.com"), &v[i]))
				} else {
					group |= uint64(recordFlags(fold.GroupKey("team"), &v[i]))
				}
			}
		}
	}
	const c2cOnly, groupOnly = msgNamed | msgOwn, msgAll | msgMentions
	for _, f := range []struct {
		name      string
		got, want uint64
	}{
		{"conversation", conversations, convPeerIsLast<<1 - 1},
		{"log", logs, logRecalls<<1 - 1},
		{"index", indexes, indexAwaited<<1 - 1},
		{"message of a C2C page", c2c, 0xff &^ groupOnly},
		{"message of a group's page", group, 0xff &^ c2cOnly},
	} {
		if f.got != f.want {
			t.Errorf("flags of a %s: %#b in the golden rows, of %#b", f.name, f.got, f.want)
		}
	}
}

// logFlags are the flags that a log is stored with.
func logFlags(l *fold.Log) uint64 { return uint64(appendLog(nil, l)[0]) }

// golden returns the row of a golden file.
func golden(t *testing.T, g goldenRow) (key, value []byte) {
	path := filepath.Join(goldenDir, g.name+".hex")
	if *rewrite {
		if err := os.MkdirAll(goldenDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(dumpRow(g.key, g.value)), 0o644); err != nil {
			t.Fatal(err)
		}
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
func readIdentity(value []byte) (id Identity, err error) {
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
