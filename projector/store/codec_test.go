package store

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
)

// dice draws random rows, each value small as often as large.
type dice struct{ *rand.Rand }

func newDice(t *testing.T) dice { return dice{rand.New(rand.NewPCG(DrawSeed(t, ""), 3))} }

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

func (d dice) bucket() *fold.Bucket {
	b := new(fold.Bucket)
	for range []int{1, 2, bitsFrom, 3000}[d.IntN(4)] {
		o := d.IntN(fold.BucketSize)
		b[o/64] |= 1 << (o % 64)
	}
	return b
}

func (d dice) set() fold.Set {
	if d.coin() {
		return fold.Set{}
	}
	return fold.Set{Tail: d.bucket(), TailNo: d.uint(), Stored: d.uint()}
}

func (d dice) log() fold.Log {
	l := fold.Log{Version: events.Seq(d.uint()), Revoked: d.set(), All: d.set()}
	for d.coin() {
		l.Recalls = append(l.Recalls, fold.Recall{Ord: fold.Ord(d.uint()), From: d.id(), Seq: d.seq()})
	}
	if d.coin() {
		l.Peak = max(d.uint(), 1)
		l.Members = d.uint()
	}
	if d.coin() {
		l.Head = fold.Cursor{Pos: max(fold.Pos(d.uint()), 1), Ord: fold.Ord(d.uint())}
		l.Last = fold.Last{ID: d.id(), From: d.id(), At: d.time(), Seq: d.seq()}
		l.BlockMin = d.time()
	}
	return l
}

func (d dice) conversation() *fold.Conversation {
	c := &fold.Conversation{
		Version: events.Seq(d.uint()), Read: d.cursor(), ReadSeq: events.Seq(d.uint()),
		Muted: d.coin(), Marked: d.coin(), Own: d.set(), Named: d.set(), OwnAll: d.set(),
	}
	if c.ReadSet = d.coin(); c.ReadSet {
		c.ReadAt = d.time()
	}
	if l := d.log(); l.Head.Pos > 0 {
		c.Log = l
		switch d.IntN(3) {
		case 0:
			c.Peer = fold.PeerMark{Pos: l.Head.Pos, ID: l.Last.ID}
		case 1:
			c.Peer = fold.PeerMark{Pos: l.Head.Pos - 1, ID: d.id()}
		}
	}
	if d.coin() {
		c.Join, c.JoinSeq = d.cursor(), d.seq()
	}
	if c.Hidden = d.coin(); c.Hidden {
		c.HiddenAt = fold.Ord(d.uint())
	}
	if d.coin() {
		c.Early = &fold.Early{ID: d.id(), At: d.time(), Seq: d.seq(), Private: d.coin()}
	}
	if d.coin() {
		c.Receipt = &fold.Receipt{Upto: d.id(), At: d.time(), Seq: d.seq()}
	}
	for _, s := range []struct {
		set   *fold.Set
		after *uint64
	}{{&c.Own, &c.OwnAfter}, {&c.Named, &c.NamedAfter}, {&c.OwnAll, &c.OwnAllAfter}} {
		if s.set.Tail != nil {
			*s.after = d.uint()
		}
	}
	return c
}

// message draws a message of a log; ord is the ordinal reached before it.
func (d dice) message(log fold.Key, ord fold.Ord) fold.Message {
	m := fold.Message{
		ID: d.id(), From: d.id(), At: d.time(), Seq: d.seq(), Ord: ord,
		Counted: d.coin(), Silent: d.coin(), Revoked: d.coin(), All: d.coin(), Named: d.coin(),
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
	if log.Kind == events.C2C {
		m.From = log.ID
		if d.coin() {
			m.From, m.PrevPeer = log.User, fold.Pos(d.uint())
		}
	}
	return m
}

// TestRowsRoundTrip reads random rows back as they were written; what is read
// is written as the same bytes, as the digest needs it.
func TestRowsRoundTrip(t *testing.T) {
	d := newDice(t)
	for range 3000 {
		roundTrip(t, conversationRows, d.conversation())
		log := d.log()
		roundTrip(t, groupRows, &log)
		version, least := events.Seq(d.uint()), d.time()
		roundTrip(t, userRows, &version)
		roundTrip(t, blockRows, &least)
		roundTrip(t, indexRows, &fold.Index{
			Pos: fold.Pos(d.uint()), Ord: fold.Ord(d.uint()), Counted: d.coin(), Revoked: d.coin(), Awaited: d.uint(),
		})
		roundTrip(t, bucketRows, d.bucket())
		dir := fold.Directory{}
		for no := range uint64(d.IntN(5)) {
			dir = append(dir, fold.DirectoryEntry{No: no*1000 + d.uint()%1000, Len: 1 + d.uint()%fold.BucketSize})
		}
		roundTrip(t, directoryRows, &dir)
	}
}

func roundTrip[K comparable, R any](t *testing.T, c codec[K, R], row *R) {
	t.Helper()
	b := c.encode(nil, row)
	got, err := c.decode(b)
	if diff := cmp.Diff(row, got); diff != "" || err != nil {
		t.Fatalf("%x reads as another row (- written, + read): %v\n%s", b, err, diff)
	}
	if again := c.encode(nil, got); !bytes.Equal(b, again) {
		t.Fatalf("%x is written again as %x", b, again)
	}
	for n := range b {
		if _, err := c.decode(b[:n]); err == nil {
			t.Fatalf("the first %d bytes of %x read as a row", n, b)
		}
	}
	if _, err := c.decode(append(slices.Clip(b), 0)); err == nil {
		t.Fatalf("%x reads as a row with a byte behind it", b)
	}
}

// TestPagesRoundTrip appends random messages to pages, in any portions, as
// commits and merges do.
func TestPagesRoundTrip(t *testing.T) {
	d := newDice(t)
	for range 500 {
		k := pageKey{c2cKey(d.id(), d.id()), d.uint() / (2 * fold.PageSize)}
		if d.coin() {
			k.log = fold.GroupKey(d.id())
		}
		var value []byte
		var want []fold.Message
		ord := fold.Ord(d.uint() / 2)
		for i := range 1 + d.IntN(fold.PageSize) {
			m := d.message(k.log, ord)
			ord = m.Ord
			want = append(want, m)
			value = append(value, appendRecord(nil, k.log, &m, i == 0)...)
		}
		got, err := readPage(value, k)
		ignored := cmpopts.IgnoreFields(fold.Message{}, "PrevPeer")
		if diff := cmp.Diff(want, got, ignored); diff != "" || err != nil {
			t.Fatalf("page of %+v (- written, + read): %v\n%s", k, err, diff)
		}
		for i := range want {
			if own := want[i].From == k.log.User; own && want[i].PrevPeer != got[i].PrevPeer {
				t.Fatalf("message %d of %+v: peer's message before it at %d, read as %d", i, k, want[i].PrevPeer, got[i].PrevPeer)
			}
		}
		whole := 0
		if err := eachRecord(value, func(_ uint64, record []byte) { whole += len(record) }); err != nil || whole != len(value) {
			t.Fatalf("records of %+v are %d bytes of %d: %v", k, whole, len(value), err)
		}
		if _, err := decodePage(value[:len(value)-1]); err == nil {
			t.Fatalf("page of %+v reads without its last byte", k)
		}
	}
}
