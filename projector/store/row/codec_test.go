package row_test

import (
	"bytes"
	stdcmp "cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
	"reddot/projector/testkit"
)

// codec is how the rows of a type are written and read.
type codec[R any] struct {
	encode func(b []byte, r *R) []byte
	decode func(key, value string) (*R, error)
}

var (
	conversationRows = codec[fold.Conversation]{row.EncodeConversation, row.DecodeConversation}
	groupRows        = codec[fold.Log]{row.EncodeLog, row.DecodeLog}
	userRows         = codec[row.Account]{row.EncodeAccount, row.DecodeAccount}
	senderRows       = codec[fold.Sender]{row.EncodeSender, row.DecodeSender}
	threadRows       = codec[fold.Thread]{row.EncodeThread, row.DecodeThread}
	timelineRows     = codec[fold.Timeline]{row.EncodeTimeline, row.DecodeTimeline}
	nameRows         = codec[string]{row.EncodeName, row.DecodeName}
	memberRows       = codec[fold.Member]{row.EncodeMember, row.DecodeMember}
	pieceRows        = codec[fold.Piece]{row.EncodePiece, row.DecodePiece}
	wantedRows       = codec[fold.Wanted]{row.EncodeWanted, row.DecodeWanted}
	countsRows       = codec[fold.Counts]{row.EncodeCounts, row.DecodeCounts}
	indexRows        = codec[fold.Index]{row.EncodeIndex, row.DecodeIndex}
	pageRows         = codec[row.Page]{row.EncodePage, row.DecodePage}
	blockRows        = codec[fold.Span]{row.EncodeSpan, row.DecodeSpan}
	chunkRows        = codec[fold.Chunk]{row.EncodeChunk, row.DecodeChunk}
	directoryRows    = codec[fold.Directory]{row.EncodeDirectory, row.DecodeDirectory}
	importRows       = codec[row.Present]{row.EncodePresent, row.DecodePresent}
	pendingRows      = codec[row.Present]{row.EncodePresent, row.DecodePresent}
	dueRows          = codec[row.Present]{row.EncodePresent, row.DecodePresent}
	sweepRows        = codec[fold.Sweep]{row.EncodeSweep, row.DecodeSweep}
	progressRows     = codec[fold.Progress]{row.EncodeProgress, row.DecodeProgress}
)

// dice draws random rows, each value small as often as large.
type dice struct{ *rand.Rand }

func newDice(t *testing.T) dice { return dice{rand.New(rand.NewPCG(testkit.Seed(t), 3))} }

func (d dice) uint() uint64 { return d.Uint64() >> d.IntN(64) }

func (d dice) time() events.Time { return events.Time(d.uint() & uint64(events.MaxTime)) }

func (d dice) seq() events.Seq { return events.Seq(max(d.uint(), 1)) }

func (d dice) coin() bool { return d.IntN(2) == 0 }

// id draws an awkward id: two of them often read the same when put one after
// the other, begin alike, or hold bytes that end or sort keys.
func (d dice) id() string {
	parts := []string{"a", "b", "ab", "ba", "c", "g", "m", "\x01", "\x02", "\xff", "%", "é", "c2c_", "0"}
	id := ""
	for range 1 + d.IntN(3) {
		id += parts[d.IntN(len(parts))]
	}
	if d.IntN(20) == 0 {
		id += strings.Repeat(id[:1], events.MaxID-len(id))
	}
	return id
}

func (d dice) cursor() fold.Cursor {
	return fold.Cursor{Pos: fold.Pos(d.uint()), Ord: fold.Ord(d.uint())}
}

// place is a cursor behind a message.
func (d dice) place() fold.Cursor {
	c := d.cursor()
	c.Pos = max(c.Pos, 1)
	return c
}

func (d dice) chunk() *fold.Chunk {
	b := new(fold.Chunk)
	for range []int{1, 2, row.BitsFrom, 3000}[d.IntN(4)] {
		o := d.IntN(fold.ChunkSize)
		b[o/64] |= 1 << (o % 64)
	}
	return b
}

func (d dice) set() fold.Set {
	if d.coin() {
		return fold.Set{}
	}
	return fold.Set{Tail: d.chunk(), TailNo: d.uint(), Stored: d.uint()}
}

func (d dice) log(lk fold.Key) fold.Log {
	l := fold.Log{Version: events.Seq(d.uint()), Revoked: d.set(), All: d.set()}
	for d.coin() {
		l.Recalls = append(l.Recalls, fold.Recall{Ord: fold.Ord(d.uint()), From: d.id(), Seq: d.seq()})
	}
	if d.coin() {
		l.Peak = max(d.uint(), 1)
		l.Members = d.uint()
	}
	if d.coin() {
		l.Dismissed = d.seq()
	}
	if d.coin() {
		l.Purged = d.place()
	}
	for d.coin() {
		l.Purges = append(l.Purges, fold.Purge{From: d.cursor(), To: d.place(), Seq: d.seq()})
	}
	if d.coin() {
		d.fill(lk, &l)
	}
	return l
}

// fill draws the messages of a log that are stored in its row.
func (d dice) fill(lk fold.Key, l *fold.Log) {
	l.Head.Pos = max(fold.Pos(d.uint()), 1)
	l.Head.Ord = fold.Ord(d.uint() / 2)
	l.Block = d.span()
	before := row.FirstInTail(l.Head.Pos) - 1
	if before > 0 && d.coin() {
		l.Last = fold.Last{ID: d.id(), From: d.id(), At: d.time(), Seq: d.seq(), Pos: 1 + fold.Pos(d.Uint64N(uint64(before))), Thread: d.coin()}
		if d.coin() {
			l.Last.Pos, l.Last.At = before, l.Block.Greatest
		}
	}
	for i := range row.InTail(l.Head.Pos) {
		m := d.message(lk, l.Head.Ord)
		l.Head.Ord = m.Ord
		l.Tail += string(row.AppendRecord(nil, lk, &m))
		if !m.Hidden && !m.Apart {
			l.Last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Pos: before + 1 + fold.Pos(i), Thread: m.Thread != ""}
		}
		if row.TailHasBlock(l.Head.Pos) {
			if i == 0 {
				l.Block = fold.Span{Least: m.At, Greatest: m.At}
			}
			l.Block = fold.Span{Least: min(l.Block.Least, m.At), Greatest: max(l.Block.Greatest, m.At)}
		}
	}
	l.Last.Revoked = d.coin()
	d.threads(l)
}

func (d dice) span() fold.Span {
	a, b := d.time(), d.time()
	return fold.Span{Least: min(a, b), Greatest: max(a, b)}
}

// sent is the position of the owner's newest message in the unfinished page that
// brings the conversation into the list.
func sent(k fold.Key, l *fold.Log) (pos fold.Pos) {
	first := row.FirstInTail(l.Head.Pos)
	messages, err := row.TailOf(l).Messages(k, first)
	if err != nil {
		panic(err)
	}
	for i, m := range messages {
		if m.From == k.User && !m.Silent && !m.Hidden && !m.Revoked {
			pos = first + fold.Pos(i)
		}
	}
	return pos
}

func (d dice) conversation(k fold.Key) *fold.Conversation {
	c := &fold.Conversation{
		Version: events.Seq(d.uint()), Read: d.cursor(), ReadSeq: events.Seq(d.uint()),
		Level: []events.Level{events.NoLevel, events.LevelMentions, events.LevelNone}[d.IntN(3)], Marked: d.coin(), Named: d.set(), Moved: events.Seq(d.uint()),
	}
	if d.coin() {
		c.Moved = c.ReadSeq
	}
	if d.coin() {
		c.Timelines, c.Followed = d.uint(), d.seq()
	}
	if d.coin() {
		c.ThreadsRead = d.mark()
		c.ThreadsRead.Seq++
	}
	if d.coin() {
		c.Stirred, c.ClearSeq = d.seq(), d.seq()
	}
	if d.coin() {
		c.Pinned = d.seq()
	}
	if d.coin() {
		c.Unfollowed = d.seq()
	}
	if c.ReadSet = d.coin(); c.ReadSet {
		c.ReadAt = d.time()
	}
	if k.Kind == events.C2C {
		c.Log = new(fold.Log)
	}
	if l := d.log(k); l.Head.Pos > 0 && k.Kind == events.C2C {
		c.Log = &l
		if d.coin() {
			c.Read = l.Head
		}
		if d.coin() {
			c.Version = l.Last.Seq
		}
		if c.Sent = sent(k, &l); c.Sent == 0 && d.coin() {
			c.Sent = row.FirstInTail(l.Head.Pos) - 1
		}
		switch d.IntN(3) {
		case 0:
			c.Peer = fold.PeerMark{Pos: l.Head.Pos, ID: d.id()}
			if row.LastIsNewest(&l) {
				c.Peer.ID = l.Last.ID
			}
		case 1:
			c.Peer = fold.PeerMark{Pos: l.Head.Pos - 1, ID: d.id()}
		}
	}
	if d.coin() {
		c.Era = d.seq()
	}
	if d.coin() {
		c.Join, c.JoinSeq = d.cursor(), d.seq()
	}
	if c.Deleted = d.coin(); c.Deleted {
		c.DeletedAt = fold.Ord(d.uint())
	}
	if d.coin() {
		c.Cleared = d.place()
	}
	if c.Acted = d.coin(); d.coin() {
		c.Carried, c.CarriedMentions = max(d.uint(), 1), d.uint()
	}
	for d.coin() {
		c.Labels = append(c.Labels, d.id())
	}
	for len(c.PendingReads) < events.MaxPendingReads && d.coin() {
		e := fold.PendingRead{ID: d.id(), At: d.time(), Seq: d.seq(), One: d.coin()}
		if e.One && d.coin() {
			e.Thread = d.id()
		}
		if e.Open = d.coin(); e.Open {
			e.OpenAt = []events.Time{e.At, d.time()}[d.IntN(2)]
		}
		c.PendingReads = append(c.PendingReads, e)
	}
	if d.coin() {
		c.Receipt = &fold.Receipt{Upto: d.id(), Pos: c.Peer.Pos + 1 + fold.Pos(d.uint()), At: d.time(), Seq: d.seq()}
		if d.coin() {
			c.Receipt.Upto, c.Receipt.Pos = c.Peer.ID, c.Peer.Pos
		}
		if d.IntN(4) == 0 {
			c.Receipt.Upto, c.Receipt.Pos, c.Receipt.Imported = d.id(), 0, true
		}
		if d.coin() {
			c.Receipt.At, c.Receipt.Seq = c.ReadAt, c.ReadSeq
		}
	}
	return c
}

func (d dice) account() *row.Account {
	a := &row.Account{Lost: events.Seq(d.uint()), Era: events.Seq(d.uint())}
	a.Filtered = events.Seq(d.uint())
	for d.coin() {
		a.Blocked = append(a.Blocked, d.id())
	}
	for d.coin() {
		f := fold.NamedFilter{Name: d.id()}
		f.Kind, f.Mentioned, f.IncludeMuted = events.Kind(d.IntN(3)), d.coin(), d.coin()
		if d.coin() {
			f.Label = new([]string{"", d.id()}[d.IntN(2)])
		}
		if d.coin() {
			f.Without = d.id()
		}
		a.Filters = append(a.Filters, f)
	}
	return a
}

// message draws a message of a log; ord is the ordinal reached before it.
func (d dice) message(log fold.Key, ord fold.Ord) fold.Message {
	m := fold.Message{
		ID: d.id(), From: d.id(), At: d.time(), Seq: d.seq(), Ord: ord,
		Counted: d.coin(), Silent: d.coin(), Hidden: d.coin(), Revoked: d.coin(), All: d.coin(), Named: d.coin(),
	}
	if m.Counted {
		m.Ord++
	}
	if d.coin() {
		m.Thread = d.id()
	}
	for d.coin() {
		m.Mentions = append(m.Mentions, d.id())
	}
	if d.coin() {
		m.Expires, m.ExpiresAt = true, d.time()
	}
	if log.Kind == events.C2C {
		m.From = log.ID
		if d.coin() {
			m.From, m.PrevPeer = log.User, fold.Pos(d.uint())
		} else if m.Thread != "" {
			m.PrevMain, m.PrevThread = fold.Pos(d.uint()/2), fold.Pos(d.uint()/2)
		}
	} else {
		m.Apart = m.Thread != "" && d.coin()
	}
	return m
}

// few is mostly a small number, and seldom the most: rows are read from each of
// their beginnings.
func (d dice) few(most int) int {
	if d.IntN(300) == 0 {
		return most
	}
	return 1 + d.IntN(4)
}

func (d dice) member() *fold.Member {
	m := &fold.Member{Joined: d.seq(), Join: fold.Pos(d.uint() / 2), Pieces: d.uint()}
	if d.coin() {
		m.Seen, m.SeenAt = m.Join+1+fold.Pos(d.uint()/2), d.time()
	}
	return m
}

func (d dice) wanted() *fold.Wanted {
	w := new(fold.Wanted)
	for n := d.few(events.MaxReceipts); n > 0; n-- {
		m := fold.WantedMessage{Pos: fold.Pos(d.uint()), From: d.id(), Seq: d.seq(), At: d.time()}
		if d.coin() {
			m.Thread = d.id()
		}
		w.Messages = append(w.Messages, m)
	}
	slices.SortStableFunc(w.Messages, func(a, b fold.WantedMessage) int { return stdcmp.Compare(a.Pos, b.Pos) })
	return w
}

func (d dice) counts() *fold.Counts {
	c := new(fold.Counts)
	for range d.few(2 * len(c)) {
		n := int64(d.uint())
		if d.coin() {
			n = -n
		}
		c[d.IntN(len(c))] = n
	}
	return c
}

// TestRowsRoundTrip reads random rows back as they were written; what is read
// is written as the same bytes, as the digest needs it.
func TestRowsRoundTrip(t *testing.T) {
	d := newDice(t)
	for range testkit.Effort(500) {
		k := c2cKey(d.id(), d.id())
		if d.coin() {
			k.Kind = events.Group
		}
		roundTrip(t, conversationRows, row.AppendConversation(nil, k), d.conversation(k))
		log := d.log(fold.GroupKey(k.ID))
		roundTrip(t, groupRows, row.AppendGroup(nil, k.ID), &log)
		span := d.span()
		roundTrip(t, userRows, nil, d.account())
		roundTrip(t, memberRows, nil, d.member())
		name := d.id()
		roundTrip(t, senderRows, nil, &fold.Sender{Own: d.set(), OwnAp: d.set(), Recalled: d.set(), Named: d.set(), NamedAp: d.set()})
		roundTrip(t, threadRows, nil, d.thread())
		roundTrip(t, timelineRows, row.AppendTimeline(nil, k, name), d.timeline(name))
		roundTrip(t, nameRows, nil, &name)
		roundTrip(t, pieceRows, nil, &fold.Piece{To: fold.Pos(d.uint()), At: d.time()})
		roundTrip(t, wantedRows, nil, d.wanted())
		roundTrip(t, countsRows, nil, d.counts())
		roundTrip(t, blockRows, nil, &span)
		roundTrip(t, indexRows, nil, &fold.Index{
			Pos: fold.Pos(d.uint()), Ord: fold.Ord(d.uint()), Counted: d.coin(), Revoked: d.coin(), Awaited: d.uint(),
		})
		roundTrip(t, chunkRows, nil, d.chunk())
		dir := fold.Directory{}
		for no := range uint64(d.IntN(5)) {
			dir = append(dir, fold.DirectoryEntry{No: no*1000 + d.uint()%1000, Len: 1 + d.uint()%fold.ChunkSize})
		}
		roundTrip(t, directoryRows, nil, &dir)
		w := &fold.Sweep{
			Seq: 7, At: d.time(), Kind: []fold.SweepKind{fold.SweepDismiss, fold.SweepErase, fold.SweepJoin, fold.SweepLeave}[d.IntN(4)],
			ID: d.id(), Head: d.cursor(), Era: events.Seq(d.uint()), Rows: d.uint(),
		}
		for many := w.Kind == fold.SweepJoin || w.Kind == fold.SweepLeave; many; many = d.coin() {
			w.Users = append(w.Users, d.id())
		}
		slices.Sort(w.Users)
		for w.Kind == fold.SweepErase && d.coin() {
			w.Blocked = append(w.Blocked, d.id())
		}
		roundTrip(t, sweepRows, row.AppendSweep(nil, 7), w)
		roundTrip(t, progressRows, nil, &fold.Progress{Swept: d.uint(), Last: d.id()})
	}
}

func roundTrip[R any](t *testing.T, c codec[R], key []byte, written *R) {
	t.Helper()
	b := c.encode(nil, written)
	got, err := c.decode(string(key), string(b))
	if diff := testkit.Diff(written, got); diff != "" || err != nil {
		t.Fatalf("%q: %x reads as another row (- written, + read): %v\n%s", key, b, err, diff)
	}
	if again := c.encode(nil, got); !bytes.Equal(b, again) {
		t.Fatalf("%q: %x is written again as %x", key, b, again)
	}
	for n := range b {
		if _, err := c.decode(string(key), string(b[:n])); err == nil {
			t.Fatalf("%q: the first %d bytes of %x read as a row", key, n, b)
		}
	}
	if _, err := c.decode(string(key), string(b)+"\x00"); err == nil {
		t.Fatalf("%q: %x reads as a row with a byte behind it", key, b)
	}
}

// TestPagesRoundTrip writes and reads pages of random messages, full ones and
// those that are a log's tail, and finds every message id.
func TestPagesRoundTrip(t *testing.T) {
	d := newDice(t)
	for range 500 {
		log, no := c2cKey(d.id(), d.id()), d.uint()/(2*fold.PageSize)
		if d.coin() {
			log = fold.GroupKey(d.id())
		}
		first := row.FirstOf(no)
		p := row.Page{Base: fold.Ord(d.uint() / 2)}
		ord := p.Base
		var want []fold.Message
		for i := range fold.PageSize {
			m := d.message(log, ord)
			m.ID += "-" + string(rune('a'+i)) // once
			ord = m.Ord
			want = append(want, m)
			p.Records += string(row.AppendRecord(nil, log, &m))
			l := fold.Log{Head: fold.Cursor{Pos: first + fold.Pos(i), Ord: ord}, Tail: p.Records}
			if got := row.TailOf(&l); got != p {
				t.Fatalf("the tail of %+v after %d messages is %+v, not %+v", log, i+1, got, p)
			}
			at, ok := p.Find(first, m.ID)
			if !ok || at != (fold.Index{Pos: first + fold.Pos(i), Ord: ord, Counted: m.Counted}) {
				t.Fatalf("message %d of %+v is found at %+v, %v", i, log, at, ok)
			}
			if _, ok := p.Find(first, d.id()); ok {
				t.Fatalf("%+v has a message that it has not", log)
			}
		}
		roundTrip(t, pageRows, nil, &p)
		got, err := p.Messages(log, first)
		ignored := cmpopts.IgnoreFields(fold.Message{}, "PrevPeer")
		if diff := testkit.Diff(want, got, ignored); diff != "" || err != nil {
			t.Fatalf("page of %+v (- written, + read): %v\n%s", log, err, diff)
		}
		for i := range want {
			if own := want[i].From == log.User; own && want[i].PrevPeer != got[i].PrevPeer {
				t.Fatalf("message %d of %+v: peer's message before it at %d, read as %d", i, log, want[i].PrevPeer, got[i].PrevPeer)
			}
		}
	}
}
