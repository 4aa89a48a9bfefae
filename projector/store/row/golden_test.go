package row_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
	"reddot/projector/storetest"
)

// goldenRow is one stored row with what it must read as.
type goldenRow struct {
	name       string
	key, value []byte
	want       any
	decode     func(value []byte) (any, error)
}

// row makes a golden row of a family.
func goldenOf[R any](name string, c codec[R], key []byte, r *R) goldenRow {
	if c, ok := any(r).(*fold.Conversation); ok && c.Moved == 0 {
		c.Moved = c.ReadSeq // unless something else is said
	}
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

// chunk holds the ordinals o.
func chunk(o ...int) *fold.Chunk {
	b := new(fold.Chunk)
	for _, o := range o {
		b[o/64] |= 1 << (o % 64)
	}
	return b
}

// counts holds some counts.
func counts(at map[int]int64) *fold.Counts {
	c := new(fold.Counts)
	for i, n := range at {
		c[i] = n
	}
	return c
}

func fullCounts() *fold.Counts {
	c := new(fold.Counts)
	for i := range c {
		c[i] = int64(i) - 100
	}
	return c
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
			{ID: "m2a", From: "alice", At: at, Seq: 2, Counted: true, Apart: true, Thread: "t1"},
			{ID: "m3", From: "alice", At: 0, Seq: 3, Silent: true, Mentions: []string{"bob"}, Thread: "t2"},
			{ID: strings.Repeat("m", events.MaxID), From: strings.Repeat("u", events.MaxID), At: events.MaxTime, Seq: 1 << 40, Revoked: true},
			{ID: "r1", From: "bob", At: at, Seq: 1<<40 + 1, Hidden: true},
			{ID: "x1", From: "bob", At: at, Seq: 1<<40 + 2, Counted: true, Mentions: []string{"alice"}, Expires: true, ExpiresAt: at + 60_000},
		}
	}
	return []fold.Message{
		{ID: "m257", From: k.ID, At: at, Seq: 3500, Counted: true, Named: true, Thread: "t1", PrevMain: 250, PrevThread: 240},
		{ID: "m258", From: k.User, At: at, Seq: 3501, PrevPeer: 257},
		{ID: "m259", From: k.ID, At: at, Seq: 3502, Silent: true},
		{ID: "m260", From: k.ID, At: at, Seq: 3503, Revoked: true},
		{ID: "m261", From: k.User, At: at, Seq: 3504, Silent: true, Revoked: true, Thread: "t1", PrevPeer: 260},
		{ID: "r262", From: k.User, At: at, Seq: 3505, Hidden: true, PrevPeer: 260},
		{ID: "x263", From: k.User, At: at, Seq: 3506, PrevPeer: 260, Expires: true, ExpiresAt: 0},
	}
}

// goldenLog is a log whose newest messages are stored with it.
func goldenLog(lk fold.Key, pages uint64, messages []fold.Message) (l fold.Log) {
	l.Head = fold.Cursor{Pos: row.FirstOf(pages) - 1, Ord: fold.Ord(pages)}
	for i := range messages {
		m := messages[i]
		l.Head.Pos++
		if m.Counted {
			l.Head.Ord++
		}
		l.Counted = l.Head.Ord
		l.Tail += string(row.AppendRecord(nil, lk, &m))
		if !m.Hidden && !m.Apart {
			l.Last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Pos: l.Head.Pos, Thread: m.Thread != ""}
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
	of := func(k fold.Key) []byte { return row.AppendConversation(nil, k) }
	set := fold.Set{TailNo: 3, Stored: 2, Tail: chunk(0, 7, 1023)}
	earlier := fold.Span{Least: goldenTime - 1000, Greatest: goldenTime + 1000}
	long := goldenLog(alice, 16, goldenMessages(alice))
	long.Revoked, long.Last.Revoked = set, true
	full := fold.Log{
		Head: fold.Cursor{Pos: 32, Ord: 30}, Counted: 30, Block: fold.Span{Least: goldenTime - 1000, Greatest: goldenTime},
		Last: fold.Last{ID: "m32", From: "bob@example.com", At: goldenTime, Seq: 32, Pos: 32},
	}
	reacted, only := full, fold.Log{Block: earlier}
	reacted.Head.Pos, reacted.Block, reacted.Last.Pos, reacted.Last.Revoked = 48, earlier, 40, true
	only.Head.Pos = 16
	first := goldenLog(alice, 0, goldenMessages(alice)[:1])
	group := goldenLog(lk, 16, goldenMessages(lk))
	group.Version, group.Revoked, group.All = 4000, set, fold.Set{TailNo: 1, Tail: everyOther()}
	group.Members, group.Peak = 2000, 3000
	later := goldenLog(lk, 18, goldenMessages(lk)[5:6])
	later.Block, later.Last = earlier, fold.Last{ID: "m280", From: "bob", At: goldenTime, Seq: 9, Pos: 280}
	group.Recalls = []fold.Recall{{Ord: 250, From: "bob", Seq: 4002}, {Ord: 7, From: "alice", Seq: 4003}, {Ord: 8, From: "bob", Seq: 4004, Thread: "t1", Apart: true, Except: []string{"alice"}}, {Ord: 9, From: "bob", Seq: 4005, Only: []string{"alice", "carol"}}}
	group.Counted, group.MainVersion = 17, 3000
	group.Threads = &fold.LogThreads{Apart: set, All: set, ApartVersion: 3990, Threaded: set, Order: 2000, Version: 4004}
	first.Last.Thread, first.Threads = true, &fold.LogThreads{Main: fold.Last{ID: "m0", From: "bob@example.com", At: goldenTime, Seq: 3400, Pos: 1, Revoked: true}}
	purged := goldenLog(lk, 16, goldenMessages(lk))
	purged.Purged = fold.Cursor{Pos: 260, Ord: 240}
	purged.Purges = []fold.Purge{
		{To: fold.Cursor{Pos: 100, Ord: 90}, Seq: 4005}, {From: fold.Cursor{Pos: 100, Ord: 90}, To: purged.Purged, Seq: 4006},
	}
	dismissed := goldenLog(lk, 0, goldenMessages(lk)[:1])
	dismissed.Peak, dismissed.Dismissed = 3, 4001
	return []goldenRow{
		goldenOf("conversation.c2c", conversationRows, of(alice), &fold.Conversation{
			Log: &long, Peer: fold.PeerMark{Pos: 260, ID: "m260"}, Version: 4001,
			Read: fold.Cursor{Pos: 200, Ord: 10}, ReadAt: goldenTime, ReadSeq: 3000, ReadSet: true,
			Sent: 255, Deleted: true, DeletedAt: 17, Level: events.LevelNone, Marked: true, Labels: []string{"archived", "卡"},
			PendingReads: []fold.PendingRead{
				{ID: "m400", At: goldenTime, Seq: 3900}, {ID: "m401", At: goldenTime, Seq: 3901, Open: true, OpenAt: goldenTime},
				{ID: "m402", At: goldenTime, Seq: 3902, Open: true, OpenAt: goldenTime + 7, One: true, Thread: "t1"},
			},
			Receipt: &fold.Receipt{Upto: "m200", Pos: 200, At: goldenTime - 5, Seq: 2999},
			Named:   fold.Set{TailNo: 0, Tail: chunk(17)},

			Timelines: 3, Followed: 4000, Moved: 3950, Stirred: 3960, ClearSeq: 3940,
			ThreadsRead: fold.Mark{Cursor: fold.Cursor{Pos: 210, Ord: 12}, At: goldenTime, Seq: 3950, Set: true},
		}),
		goldenOf("conversation.c2c.reacted", conversationRows, of(alice), &fold.Conversation{
			Log: &reacted, Peer: fold.PeerMark{Pos: 48, ID: "r48"}, Version: 32, ReadSeq: 1,
		}),
		goldenOf("conversation.c2c.hidden", conversationRows, of(alice), &fold.Conversation{
			Log: &only, Peer: fold.PeerMark{Pos: 16, ID: "r16"},
		}),
		goldenOf("conversation.c2c.untold", conversationRows, of(alice), &fold.Conversation{
			Log: &first, Peer: fold.PeerMark{Pos: 1, ID: "m257"}, Version: 3600,
			Read: first.Head, ReadAt: goldenTime, ReadSeq: 3600, ReadSet: true,
		}),
		goldenOf("conversation.c2c.first", conversationRows, of(alice), &fold.Conversation{
			Log: &first, Peer: fold.PeerMark{Pos: 1, ID: "m257"}, Version: 3500,
		}),
		goldenOf("conversation.c2c.read", conversationRows, of(alice), &fold.Conversation{
			Log: &first, Peer: fold.PeerMark{Pos: 1, ID: "m257"}, Version: 3600,
			Read: first.Head, ReadAt: goldenTime, ReadSeq: 3600, ReadSet: true,
			Receipt: &fold.Receipt{Upto: "m257", Pos: 1, At: goldenTime, Seq: 3600},
		}),
		goldenOf("conversation.c2c.full", conversationRows, of(alice), &fold.Conversation{
			Log: &full, Peer: fold.PeerMark{Pos: 32, ID: "m32"}, Version: 32, ReadSeq: 1,
		}),
		goldenOf("conversation.c2c.muted", conversationRows, of(alice), &fold.Conversation{Log: new(fold.Log), Level: events.LevelNone}),
		goldenOf("conversation.c2c.labelled", conversationRows, of(alice), &fold.Conversation{Log: new(fold.Log), Level: events.LevelMentions, Labels: []string{"star"}}),
		goldenOf("conversation.c2c.era", conversationRows, of(alice), &fold.Conversation{Log: new(fold.Log), Level: events.LevelNone, Era: 3900}),
		goldenOf("conversation.c2c.early", conversationRows, of(alice), &fold.Conversation{Log: new(fold.Log), PendingReads: []fold.PendingRead{{ID: "m1", At: goldenTime, Seq: 1, Open: true, OpenAt: goldenTime}}}),
		goldenOf("conversation.c2c.imported", conversationRows, of(alice), &fold.Conversation{
			Log: new(fold.Log), JoinSeq: 4000, Version: 4000, ReadAt: goldenTime, ReadSet: true, Carried: 300, CarriedMentions: 7,
			Receipt: &fold.Receipt{Upto: "m0", At: goldenTime - 5, Seq: 4000, Imported: true},
		}),
		goldenOf("conversation.member.cleared", conversationRows, of(team), &fold.Conversation{
			Version: 4001, Read: fold.Cursor{Pos: 200, Ord: 170}, ReadSeq: 4001, JoinSeq: 1000, Cleared: fold.Cursor{Pos: 150, Ord: 130},
		}),
		goldenOf("conversation.member.unmarked", conversationRows, of(team), &fold.Conversation{Version: 6, ReadSeq: 5, JoinSeq: 5, Acted: true}),
		goldenOf("conversation.member.pinned", conversationRows, of(team), &fold.Conversation{Version: 9, ReadSeq: 5, JoinSeq: 5, Stirred: 9, Pinned: 4001}),
		goldenOf("conversation.member.unfollowed", conversationRows, of(team), &fold.Conversation{Version: 4001, ReadSeq: 4001, JoinSeq: 5, Deleted: true, Unfollowed: 4001}),
		goldenOf("conversation.member", conversationRows, of(team), &fold.Conversation{
			Version: 4001, Read: fold.Cursor{Pos: 200, Ord: 170}, ReadSeq: 3000,
			Join: fold.Cursor{Pos: 100, Ord: 90}, JoinSeq: 1000,
		}),
		goldenOf("conversation.member.first", conversationRows, of(team), &fold.Conversation{Version: 5, ReadSeq: 5, JoinSeq: 5}),
		goldenOf("group", groupRows, row.AppendGroup(nil, "team"), &group),
		goldenOf("group.new", groupRows, row.AppendGroup(nil, "team"), &fold.Log{Members: 1, Peak: 1}),
		goldenOf("group.reacted", groupRows, row.AppendGroup(nil, "team"), &later),
		goldenOf("group.purged", groupRows, row.AppendGroup(nil, "team"), &purged),
		goldenOf("group.dismissed", groupRows, row.AppendGroup(nil, "team"), &dismissed),
	}
}

func goldenOthers() []goldenRow {
	alice, lk := c2cKey("alice", "bob@example.com"), fold.GroupKey("team")
	team, thread := groupKey("alice", "team"), "t1"
	version, span := events.Seq(4001), fold.Span{Least: goldenTime, Greatest: goldenTime + 1}
	block := func(k fold.Key, no uint64) []byte { return row.AppendBlock(nil, k, no) }
	index := func(k fold.Key, id string) []byte { return row.AppendIndex(nil, k, id) }
	in := func(k fold.SetKey, no uint64) []byte { return row.AppendChunk(nil, k, no) }
	dir := func(k fold.SetKey) []byte { return row.AppendDirectory(nil, k) }
	return []goldenRow{
		goldenOf("user", userRows, row.AppendUser(nil, "alice"), &row.Account{Lost: version}),
		goldenOf("user.erased", userRows, row.AppendUser(nil, "alice"), &row.Account{Lost: version, Era: 3900}),
		goldenOf("user.filters", userRows, row.AppendUser(nil, "alice"), &row.Account{Lost: version, Settings: fold.Settings{
			Filtered: 4000, Filters: []fold.NamedFilter{
				{Name: "badge", Filter: events.Filter{Kind: events.Group, Label: new(""), Without: "star", Mentioned: true, IncludeMuted: true}},
				{Name: "卡", Filter: events.Filter{Label: new("archived")}},
			},
		}}),
		goldenOf("user.blocked", userRows, row.AppendUser(nil, "alice"), &row.Account{Settings: fold.Settings{Blocked: []string{"bob@example.com", "卡罗尔"}}}),
		goldenOf("user.dropped", userRows, row.AppendUser(nil, "alice"), &row.Account{Lost: version, Settings: fold.Settings{Filtered: version}}),
		goldenOf("member", memberRows, row.AppendMember(nil, "team", "alice"), &fold.Member{Joined: 4001, Join: 300}),
		goldenOf("member.seen", memberRows, row.AppendMember(nil, "team", "bob"), &fold.Member{Joined: 4001, Join: 300, Seen: 400, SeenAt: goldenTime, Pieces: 2}),
		goldenOf("piece", pieceRows, row.AppendPiece(nil, "team", "bob", "t1"), &fold.Piece{To: 500, At: goldenTime}),
		goldenOf("piece.main", pieceRows, row.AppendPiece(nil, "team", "bob", ""), &fold.Piece{To: 450, At: goldenTime}),
		goldenOf("wanted", wantedRows, row.AppendWanted(nil, "team"), &fold.Wanted{Messages: []fold.WantedMessage{
			{Pos: 310, From: "alice"}, {Pos: 700, From: "bob", Thread: "t1", Seq: 4009, At: goldenTime},
		}}),
		goldenOf("counts", countsRows, row.AppendCounts(nil, fold.TreeKey{Group: "team", Kind: fold.TreeJoins}, 0, 1), counts(map[int]int64{0: 3, 44: 9_000, 255: 1})),
		goldenOf("counts.era", countsRows, row.AppendCounts(nil, fold.TreeKey{Group: "team", Era: 3900, Kind: fold.TreePieces}, 1, 0), counts(map[int]int64{1: -2, 2: 2})),
		goldenOf("counts.apart", countsRows, row.AppendCounts(nil, fold.TreeKey{Group: "team", Kind: fold.TreeApart, Timeline: "t1"}, 0, 300), fullCounts()),
		goldenOf("sweep.dismiss", sweepRows, row.AppendSweep(nil, 4001), &fold.Sweep{
			Seq: 4001, At: goldenTime, Kind: fold.SweepDismiss, ID: "team", Head: fold.Cursor{Pos: 260, Ord: 250}, Rows: 100_000,
		}),
		goldenOf("sweep.join", sweepRows, row.AppendSweep(nil, 4003), &fold.Sweep{
			Seq: 4003, At: goldenTime, Kind: fold.SweepJoin, ID: "team", Head: fold.Cursor{Pos: 260, Ord: 250}, Users: []string{"alice", "bob@example.com", "卡罗尔"}, Rows: 3,
		}),
		goldenOf("sweep.leave", sweepRows, row.AppendSweep(nil, 4004), &fold.Sweep{Seq: 4004, At: goldenTime, Kind: fold.SweepLeave, ID: "team", Users: []string{"alice"}, Rows: 1}),
		goldenOf("sweep.erase", sweepRows, row.AppendSweep(nil, 4002), &fold.Sweep{Seq: 4002, At: goldenTime, Kind: fold.SweepErase, ID: "alice", Era: 3900, Blocked: []string{"bob@example.com"}}),
		goldenOf("progress", progressRows, row.ProgressKey(), &fold.Progress{Swept: 300, Last: "bob@example.com"}),
		goldenOf("due.c2c", dueRows, row.AppendDue(nil, goldenTime, alice, 300), &row.Present{}),
		goldenOf("due.era", dueRows, row.AppendDue(nil, goldenTime, c2cKey(row.InEra("alice", 3900), "bob"), 1), &row.Present{}),
		goldenOf("due.group", dueRows, row.AppendDue(nil, 0, lk, 70_000), &row.Present{}),
		goldenOf("waiter", pendingRows, row.AppendPendingRead(nil, "team", "m400", "alice"), &row.Present{}),
		goldenOf("import", importRows, row.AppendImport("alice", 0, "team"), &row.Present{}),
		goldenOf("import.era", importRows, row.AppendImport("alice", 3900, "team"), &row.Present{}),
		goldenOf("block.c2c", blockRows, block(alice, 0), &span),
		goldenOf("block.group", blockRows, block(lk, 256), &span),
		goldenOf("index.c2c", indexRows, index(alice, "m300"), &fold.Index{Pos: 300, Ord: 250, Counted: true}),
		goldenOf("index.group", indexRows, index(lk, "m1"), &fold.Index{Pos: 1}),
		goldenOf("index.era", indexRows, index(c2cKey(row.InEra("alice", 3900), "bob"), "m300"), &fold.Index{Pos: 300, Ord: 250, Counted: true}),
		goldenOf("index.early", indexRows, index(lk, "m400"), &fold.Index{Revoked: true, Awaited: 300}),
		goldenOf("bucket.list", chunkRows, in(alice.Set(fold.SetRevoked), 0), chunk(0, 1, 64, 1023)),
		goldenOf("bucket.bits", chunkRows, in(lk.Set(fold.SetAll), 70000), everyOther()),
		goldenOf("bucket.own", chunkRows, in(team.Set(fold.SetOwn), 1), chunk(5)),
		goldenOf("directory.c2c", directoryRows, dir(alice.Set(fold.SetNamed)), &fold.Directory{{No: 0, Len: 1024}}),
		goldenOf("directory.group", directoryRows, dir(lk.Set(fold.SetRevoked)), &fold.Directory{{No: 0, Len: 1}, {No: 2, Len: 300}, {No: 70000, Len: 7}}),
		goldenOf("thread", threadRows, row.AppendThread(nil, lk, "t1"), &fold.Thread{
			Last: fold.Last{ID: "m2", From: "alice", At: goldenTime, Seq: 2, Pos: 18, Revoked: true, Thread: true}, Order: 2, Version: 4001, Answered: true,
			In: fold.Set{TailNo: 3, Stored: 2, Tail: chunk(0, 7, 1023)}, Ap: fold.Set{Tail: chunk(3)},
			Newest:  []fold.Posted{{Ord: 3, From: "alice", Seq: 2}, {Ord: 1, From: "bob", Seq: 1}},
			Recalls: []fold.Recall{{Ord: 3, From: "alice", Seq: 4002, Thread: "t1", Apart: true}},
		}),
		goldenOf("thread.c2c", threadRows, row.AppendThread(nil, alice, "t1"), &fold.Thread{Peer: fold.PeerMark{Pos: 257, ID: "m257"}}),
		goldenOf("order", nameRows, row.AppendOrder(nil, lk, 2), &thread),
		goldenOf("timeline", timelineRows, row.AppendTimeline(nil, c2cKey(row.InEra("alice", 3900), "bob"), thread), &fold.Timeline{
			Thread: thread, Following: true, From: 7, Own: true, Read: fold.Mark{Cursor: fold.Cursor{Pos: 9, Ord: 8}, At: goldenTime, Seq: 3000, Set: true},
			Receipt: &fold.Receipt{Upto: "m9", Pos: 9, At: goldenTime, Seq: 3000}, Version: 3000,
		}),
		goldenOf("timeline.main", timelineRows, row.AppendTimeline(nil, team, ""), &fold.Timeline{Muted: true, Left: 3001, Version: 3001}),
		goldenOf("follower", pendingRows, row.AppendFollower(nil, "team", "t1", "alice"), &row.Present{}),
		goldenOf("bucket.thread", chunkRows, in(lk.SetOf("t1", fold.SetIn), 1), chunk(5)),
		goldenOf("directory.thread", directoryRows, dir(lk.SetOf("t1", fold.SetAp)), &fold.Directory{{No: 0, Len: 4}}),
		goldenOf("sender", senderRows, row.AppendSender(nil, team), &fold.Sender{
			Own: fold.Set{TailNo: 3, Stored: 2, Tail: chunk(0, 7, 1023)}, Recalled: fold.Set{TailNo: 2, Tail: chunk(5)}, OwnAp: fold.Set{Tail: chunk(9)},
			Named: fold.Set{TailNo: 1, Tail: everyOther()}, NamedAp: fold.Set{Tail: chunk(8)},
		}),
		goldenOf("directory.member", directoryRows, dir(team.Set(fold.SetNamed)), &fold.Directory{{No: 3, Len: 2}}),
	}
}

// goldenPages are full.
func goldenPages() []goldenRow {
	full := func(name string, lk fold.Key, no uint64) goldenRow {
		p := row.Page{Base: 200}
		messages := goldenMessages(lk)
		for i := range fold.PageSize {
			p.Records += string(row.AppendRecord(nil, lk, &messages[i%len(messages)]))
		}
		return goldenOf(name, pageRows, row.AppendPage(nil, lk, no), &p)
	}
	return []goldenRow{full("page.c2c", c2cKey("alice", "bob@example.com"), 16), full("page.group", fold.GroupKey("team"), 0)}
}

func goldenRows() []goldenRow {
	return append(append(goldenConversations(), goldenOthers()...), goldenPages()...)
}

func TestGoldenRows(t *testing.T) {
	for _, g := range goldenRows() {
		t.Run(g.name, func(t *testing.T) {
			golden := storetest.GoldenRow(t, storetest.Row{Name: g.name, Key: g.key, Value: g.value})
			got, err := g.decode(golden.Value)
			if d := cmp.Diff(g.want, got); d != "" || err != nil {
				t.Errorf("the row reads as another one (- written, + read): %v\n%s", err, d)
			}
			if golden.Value[0] != row.Format {
				t.Errorf("the row begins with %d instead of its format", golden.Value[0])
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
			conversations |= row.FlagsOfConversation(v)
			if v.Log != nil {
				logs |= row.FlagsOfLog(v.Log)
			}
		case *fold.Log:
			logs |= row.FlagsOfLog(v)
		case *fold.Index:
			indexes |= uint64(g.value[1])
		case *row.Page:
			if g.name == "page.c2c" {
				c2c |= row.FlagsOfPage(v)
			} else {
				group |= row.FlagsOfPage(v)
			}
		}
	}
	for _, f := range []struct {
		name      string
		got, want uint64
	}{
		{"conversation", conversations, row.ConversationFlags},
		{"log", logs, row.LogFlags},
		{"index", indexes, row.IndexFlags},
		{"message of a C2C page", c2c, row.MessageFlags &^ row.GroupOnly},
		{"message of a group's page", group, row.MessageFlags &^ row.C2COnly},
	} {
		if f.got != f.want {
			t.Errorf("flags of a %s: %#b in the golden rows, of %#b", f.name, f.got, f.want)
		}
	}
}
