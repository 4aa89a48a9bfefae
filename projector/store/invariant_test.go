package store_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// audit checks the stored rows against each other: the invariants of package
// fold, every sum against what it sums up, and that no row is left without
// its owner.
type audit struct {
	fold.Reader
	pending *fold.Sweeps
	rows    map[string][]string     // keys by family, without it, in parts
	members map[string]*fold.Member // by membership
	logs    map[fold.Key]*auditedLog
	clock   events.Time     // see fold.Rows
	known   map[string]bool // threads with messages
	errs    []string
}

// auditedLog is a log with its messages as they are stored.
type auditedLog struct {
	*fold.Log
	messages []fold.Message
	revoked  map[fold.Ord]bool
}

// verify audits the store. Everything must be committed.
func (r *rig) verify() {
	r.t.Helper()
	snap, err := r.store.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	defer snap.Close()
	a := &audit{pending: snap.Sweeps(), clock: snap.Position().Clock, rows: map[string][]string{}, members: map[string]*fold.Member{}, logs: map[fold.Key]*auditedLog{}, known: map[string]bool{}}
	eachRow(r.t, r.store.DB(), func(key, value []byte) {
		if key[0] == 'n' {
			m, err := row.DecodeMember("", string(value))
			if err != nil {
				r.t.Fatal(err)
			}
			a.members[string(key[1:])] = m
		}
		family := string(key[:1])
		a.rows[family] = append(a.rows[family], string(key[1:]))
		if bytes.Contains(r.store.Filtered(), key[:1]) && !r.store.MayHold(key) {
			a.fail("the filter says no to the stored key %q", key)
		}
	})
	err = snap.Read(func(rows fold.Reader) error {
		a.Reader = rows
		a.all()
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(a.errs) > 0 {
		r.t.Fatalf("after seq %d:\n%s", len(r.log), strings.Join(a.errs[:min(len(a.errs), 20)], "\n"))
	}
}

func (a *audit) fail(format string, args ...any) {
	a.errs = append(a.errs, fmt.Sprintf(format, args...))
}

func (a *audit) all() {
	for _, id := range a.rows["g"] {
		a.log(fold.GroupKey(id), a.Group(id))
	}
	for _, key := range a.rows["c"] {
		user, id, _ := strings.Cut(key, "\x00")
		k := fold.Key{User: user, ConversationID: conversationOf(id)}
		if k.Kind == events.C2C && !a.ended(k) {
			a.log(k, a.Conversation(k).Log)
		}
	}
	for _, key := range a.rows["c"] {
		user, id, _ := strings.Cut(key, "\x00")
		if k := (fold.Key{User: user, ConversationID: conversationOf(id)}); !a.ended(k) {
			a.conversation(k)
		}
	}
	a.senders()
	a.timelines()
	a.allMembers()
	a.receipts()
	a.accounts()
	a.pendingReads()
	a.indexes()
	a.dues()
	for _, family := range []string{"p", "t", "s", "d"} {
		for _, key := range a.rows[family] {
			owner, era, rest := ownerOf(key)
			if a.swept(owner, era) {
				continue
			}
			if c := a.Conversation(owner); owner.Kind == events.C2C && c != nil && c.Era != era {
				a.fail("%s%q is not of era %d", family, key, c.Era)
			}
			written := slices.Contains([]fold.SetKind{fold.SetOwn, fold.SetOwnAp, fold.SetRecalled, fold.SetNamed, fold.SetNamedAp}, kindOf(family, rest)) && a.Sender(owner) != nil
			if a.logs[owner.LogKey()] == nil || owner.User != "" && !written && a.Conversation(owner) == nil && !a.ended(owner) {
				a.fail("%s%q has no owner", family, key)
			}
		}
	}
	if stored, listed := a.chunks(); stored != listed {
		a.fail("%d chunks, %d in directories", stored, listed)
	}
}

// ended reports whether a stored row is of what has ended, and is left to be
// swept: of a member who has joined again since, too.
func (a *audit) ended(k fold.Key) bool {
	if !a.pending.Of(k.ID) && a.pending.ErasedAt(k.User) == 0 {
		return false
	}
	c := a.Conversation(k)
	return c == nil || k.Kind == events.Group && (a.members[k.ID+"\x00"+k.User] == nil || c.JoinSeq != a.members[k.ID+"\x00"+k.User].Joined)
}

// strictlySorted reports whether a list is sorted, with nothing in it twice.
func strictlySorted(list []string) bool {
	return slices.IsSorted(list) && len(slices.Compact(slices.Clone(list))) == len(list)
}

func conversationOf(id string) events.ConversationID {
	if id[0] == 'g' {
		return events.ConversationID{Kind: events.Group, ID: id[1:]}
	}
	return events.ConversationID{Kind: events.C2C, ID: id[1:]}
}

// swept reports whether a row of a log is of an inbox that was erased, and is left
// to be swept.
func (a *audit) swept(log fold.Key, era events.Seq) bool {
	if log.Kind == events.C2C {
		for _, w := range a.pending.All() {
			if w.Kind == fold.SweepErase && w.ID == log.User && w.Era == era {
				return true
			}
		}
	}
	return false
}

// ownerOf reads the log, or the owner of a set, that a key begins with, and the
// era that it is of.
func ownerOf(key string) (k fold.Key, era events.Seq, rest string) {
	first, rest, _ := strings.Cut(key[1:], "\x00")
	switch key[0] {
	case 'g':
		return fold.GroupKey(first), 0, rest
	case 'm':
		k.Kind = events.Group
	default:
		k.Kind = events.C2C
	}
	user, digits, _ := strings.Cut(first, "\xff")
	n, _ := strconv.ParseUint(digits, 10, 64)
	k.User = user
	k.ID, rest, _ = strings.Cut(rest, "\x00")
	return k, events.Seq(n), rest
}

// kindOf is the kind of the set that a row of a family is of.
func kindOf(family, rest string) fold.SetKind {
	if family == "s" || family == "d" {
		return fold.SetKind(rest[0])
	}
	return 0
}

// log reads every message of a log: ordinals grow with positions, and each
// position is the one its id is known by.
func (a *audit) log(k fold.Key, log *fold.Log) {
	l := &auditedLog{Log: log, revoked: map[fold.Ord]bool{}}
	a.logs[k] = l
	ord := fold.Ord(0)
	var span fold.Span
	var last fold.Last
	for pos := fold.Pos(1); pos <= log.Head.Pos; pos++ {
		m := a.Message(k, pos)
		l.messages = append(l.messages, m)
		if m.Counted {
			ord++
		}
		if in := (uint64(pos) - 1) % fold.BlockSize; in == 0 {
			span = fold.Span{Least: m.At, Greatest: m.At}
		} else {
			span = fold.Span{Least: min(span.Least, m.At), Greatest: max(span.Greatest, m.At)}
		}
		if !m.Hidden && !m.Apart {
			last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Pos: pos, Revoked: m.Revoked, Thread: m.Thread != ""}
		}
		if m.Counted && (m.Silent || m.Hidden || m.Revoked) {
			a.fail("%q position %d counts: %+v", k, pos, m)
		}
		if i, _ := a.Index(k, m.ID); m.Ord != ord || i != (fold.Index{Pos: pos, Ord: ord, Counted: m.Counted}) {
			a.fail("%q position %d: ordinal %d of %d, index %+v", k, pos, m.Ord, ord, i)
		}
		if block := uint64(pos) / fold.BlockSize; uint64(pos)%fold.BlockSize == 0 && a.TimeBlock(k, block-1) != span {
			a.fail("%q block %d: times %+v of %+v", k, block-1, a.TimeBlock(k, block-1), span)
		}
	}
	if ord != log.Head.Ord || log.Head.Pos > 0 && span != log.Block {
		a.fail("%q: head %+v with ordinal %d, times %+v of %+v", k, log.Head, ord, log.Block, span)
	}
	if last.Revoked = last.Revoked || log.Last.Revoked; last != log.Last {
		a.fail("%q: the last message is %+v, not %+v", k, last, log.Last)
	}
	for _, o := range a.set(k.Set(fold.SetRevoked), &log.Revoked) {
		if l.revoked[o] = true; o == 0 || o > log.Head.Ord {
			a.fail("%q: ordinal %d is revoked, of %d", k, o, log.Head.Ord)
		}
	}
	a.threads(k, l)
	want := l.ordinals(0, func(m *fold.Message) bool { return m.All && !m.Apart && k.Kind == events.Group })
	a.same(k.Set(fold.SetAll), &log.All, want)
}

// ordinals are those of the counted messages after a position, not revoked,
// that have a trait.
func (l *auditedLog) ordinals(after fold.Pos, trait func(*fold.Message) bool) (all []fold.Ord) {
	for i := range l.messages {
		if m := &l.messages[i]; fold.Pos(i) >= after && m.Counted && !l.revoked[m.Ord] && trait(m) {
			all = append(all, m.Ord)
		}
	}
	return all
}

// conversation checks what a row says about its log.
func (a *audit) conversation(k fold.Key) {
	c := a.Conversation(k)
	l := a.logs[k.LogKey()]
	if l == nil {
		a.fail("%+v has no log", k)
		return
	}
	for _, pair := range [][2]fold.Cursor{{c.Read, l.Head}, {c.Join, c.Read}, {c.Cleared, c.Read}, {l.Purged, l.Head}} {
		if pair[0].Pos > pair[1].Pos || pair[0].Ord > pair[1].Ord {
			a.fail("%+v: cursor %+v is beyond %+v", k, pair[0], pair[1])
		}
	}
	if c.CarriedMentions > c.Carried || c.Carried > 0 && c.Read.Pos > 0 {
		a.fail("%+v: %d messages are carried, %d mentions, and it is read up to %+v", k, c.Carried, c.CarriedMentions, c.Read)
	}
	if c.Read.Pos > 0 && l.messages[c.Read.Pos-1].Ord != c.Read.Ord {
		a.fail("%+v: read %+v, the ordinal there is %d", k, c.Read, l.messages[c.Read.Pos-1].Ord)
	}
	if k.Kind == events.C2C {
		a.same(k.Set(fold.SetNamed), &c.Named, l.ordinals(0, func(m *fold.Message) bool { return m.Named }))
	} else if c.Named.Tail != nil {
		a.fail("%+v: a member's row has mentions", k)
	}
	if c.Level == events.LevelAll || !strictlySorted(c.Labels) || len(c.Labels) > events.MaxLabels {
		a.fail("%+v: level %d, labels %q", k, c.Level, c.Labels)
	}
	if k.Kind == events.C2C {
		if c.Log.Head.Pos == 0 && c.Level == events.NoLevel && len(c.Labels)+len(c.PendingReads) == 0 && c.JoinSeq == 0 {
			a.fail("%+v says nothing: %+v", k, c)
		}
		a.sides(k, c, l)
	}
}

// sides checks what a C2C row says of who wrote what.
func (a *audit) sides(k fold.Key, c *fold.Conversation, l *auditedLog) {
	peer, sent := fold.PeerMark{}, fold.Pos(0)
	for i, m := range l.messages {
		switch pos := fold.Pos(i + 1); {
		case m.From != k.User:
			peer = fold.PeerMark{Pos: pos, ID: m.ID}
		case !m.Silent && !m.Hidden && !m.Revoked:
			sent = pos
		}
	}
	if c.Peer != peer || c.Sent != sent {
		a.fail("%+v: the peer's newest is %+v and the owner's %d, not %+v and %d", k, peer, sent, c.Peer, c.Sent)
	}
	if r := c.Receipt; r != nil && r.Imported && r.Pos == 0 {
		if r.Seq != c.JoinSeq {
			a.fail("%+v: receipt %+v, imported by %d", k, *r, c.JoinSeq)
		}
	} else if r != nil && (r.Pos == 0 || r.Pos > peer.Pos || l.messages[r.Pos-1].ID != r.Upto || l.messages[r.Pos-1].From == k.User) {
		a.fail("%+v: receipt %+v", k, *r)
	}
}

// set lists a set, and checks the invariant of fold.Set.
func (a *audit) set(k fold.SetKey, s *fold.Set) (all []fold.Ord) {
	dir := a.Directory(k)
	if s.Stored != uint64(len(dir)) || s.Tail == nil && len(dir) > 0 {
		a.fail("set %+v: %d chunks stored of %d, tail %v", k, len(dir), s.Stored, s.Tail != nil)
		return nil
	}
	list := func(no uint64, b *fold.Chunk) {
		for i := range fold.ChunkSize {
			if b != nil && b[i/64]&(1<<(i%64)) != 0 {
				all = append(all, fold.Ord(no*fold.ChunkSize)+fold.Ord(i))
			}
		}
	}
	for i, e := range dir {
		before := len(all)
		list(e.No, a.Chunk(k, e.No))
		if e.Len == 0 || uint64(len(all)-before) != e.Len || e.No >= s.TailNo || i > 0 && dir[i-1].No >= e.No {
			a.fail("set %+v: entry %d of %+v holds %d, the tail is %d", k, i, dir, len(all)-before, s.TailNo)
		}
	}
	list(s.TailNo, s.Tail)
	return all
}

func (a *audit) same(k fold.SetKey, s *fold.Set, want []fold.Ord) {
	if got := a.set(k, s); !slices.Equal(got, want) {
		a.fail("set %+v: %v instead of %v", k, got, want)
	}
}

// chunks counts the chunks, and those that directories list.
func (a *audit) chunks() (stored, listed int) {
	for _, key := range a.rows["s"] {
		if owner, era, set := ownerOf(key); !a.swept(owner, era) && set[0] != byte(fold.SetGone) {
			stored++
		}
	}
	for _, key := range a.rows["d"] {
		if owner, era, kind := ownerOf(key); !a.swept(owner, era) {
			k := owner.Set(fold.SetKind(kind[0]))
			k.Thread = strings.TrimSuffix(kind[1:], "\x00")
			listed += len(a.Directory(k))
		}
	}
	return stored, listed
}
