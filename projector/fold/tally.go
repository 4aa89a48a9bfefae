package fold

import "reddot/events"

// Tally counts what a user has unread in a conversation. It is the one place that
// does: views, and rules that depend on a count, ask it. It reads rows only where
// something may be unread, and is good until one of its rows changes.
//
//	base(o) = log.Head.Ord - o            counted after a place
//	        - revoked after it
//	        - apart after it              (rule apart)
//	        - by senders who don't count for the user, after it: the user (rule own), and
//	          those whom the user blocks (rule block)
//	unread  = carried                     imported
//	        + base(read)                  after the position, and what is purged
//	        + the same of each timeline with a position of its own, from there instead of
//	          from read
//	        - that of muted threads
type Tally struct {
	r   Reader
	k   Key
	c   *Conversation
	log *Log

	floor   Ord // up to here nothing counts
	read    Ord // where counting begins: of the main timeline
	threads Ord // of threads without a position of their own; not before read

	carried, mentioned uint64 // from before the first message (rule carried)

	looked bool // lines have been read
	lines  []*Timeline
	asked  bool // own has been read
	own    *Sender
	barred barred // without settings: not read yet
}

// TallyOf begins to count a conversation.
func TallyOf(r Reader, k Key, c *Conversation, log *Log) Tally {
	t := Tally{r: r, k: k, c: c, log: log, carried: c.Carried, mentioned: c.CarriedMentions}
	t.from(log.Purged.Ord)
	return t
}

// from has nothing counted up to an ordinal.
func (t *Tally) from(o Ord) {
	t.floor, t.read = o, max(t.c.Read.Ord, o)
	t.threads = max(t.read, t.c.ThreadsRead.Ord)
}

// timelines are the user's rows of the conversation.
func (t *Tally) timelines() []*Timeline {
	if !t.looked && t.c.Timelines > 0 {
		t.lines = t.r.Timelines(t.k)
	}
	t.looked = true
	return t.lines
}

// timeline is the user's row of one timeline, or nil.
func (t *Tally) timeline(name string) *Timeline {
	for _, line := range t.timelines() {
		if line.Thread == name {
			return line
		}
	}
	return nil
}

// at is where counting begins in a timeline, of which the user has a row or nil.
func (t *Tally) at(thread string, line *Timeline) Ord {
	switch {
	case line != nil && line.Own:
		return max(line.Read.Ord, t.floor)
	case thread != "":
		return t.threads
	}
	return t.read
}

// stood is where counting would begin in a timeline if nothing were purged.
func (t *Tally) stood(thread string, line *Timeline) Ord {
	switch {
	case line != nil && line.Own:
		return line.Read.Ord
	case thread != "":
		return max(t.c.Read.Ord, t.c.ThreadsRead.Ord)
	}
	return t.c.Read.Ord
}

// plain reports whether every timeline counts from the same place.
func (t *Tally) plain() bool {
	if t.threads != t.read {
		return false
	}
	for _, line := range t.timelines() {
		if line.Own || line.Muted {
			return false
		}
	}
	return true
}

// idle reports whether nothing can be unread, without looking further.
func (t *Tally) idle() bool {
	return t.log.Head.Ord == t.read && t.carried == 0 && t.c.Timelines == 0
}

// senders are the messages of those in a group who don't count for the user, each a
// set of its own: those that count in the conversation, or apart.
func (t *Tally) senders(apart bool, more ...Ordinals) []Ordinals {
	return append(t.mine(apart, more...), t.blocked(apart)...)
}

// sender is what the log of a group knows of the user, nil if it knows nothing.
func (t *Tally) sender() *Sender {
	if !t.asked && t.k.Kind == events.Group {
		t.own, t.asked = t.r.Sender(t.k), true
	}
	return t.own
}

// mine are the user's own messages in a group.
func (t *Tally) mine(apart bool, more ...Ordinals) []Ordinals {
	if s := t.sender(); s != nil {
		set, key := s.set(t.k, apart)
		more = append(more, set.At(key))
	}
	return more
}

func (t *Tally) bars() *barred {
	if t.barred.by == nil {
		t.barred = barredIn(t.r, t.k)
	}
	return &t.barred
}

// blocks reports whether the user blocks another one.
func (t *Tally) blocks(user string) bool {
	if t.barred.by != nil {
		return t.barred.by.Blocks(user)
	}
	return t.r.Settings(t.k.User).Blocks(user)
}

// blocked are the messages in a group of those whom the user blocks.
func (t *Tally) blocked(apart bool) []Ordinals { return t.bars().own(t.k.ConversationID, apart) }

// shut reports whether nothing counts, as the user blocks the peer.
func (t *Tally) shut() bool { return t.k.Kind == events.C2C && t.bars().peer }

func (t *Tally) logSet(s *Set, kind SetKind) Ordinals { return s.At(t.k.LogKey().Set(kind)) }

func (t *Tally) revoked() Ordinals  { return t.logSet(&t.log.Revoked, SetRevoked) }
func (t *Tally) apart() Ordinals    { return t.logSet(&t.log.OfThreads().Apart, SetApart) }
func (t *Tally) threaded() Ordinals { return t.logSet(&t.log.OfThreads().Threaded, SetThreaded) }

// naming are the messages that name everybody and those that name the user, of those
// that count in the conversation, or apart.
func (t *Tally) naming(apart bool) [2]Ordinals {
	if apart {
		return [2]Ordinals{t.logSet(&t.log.OfThreads().All, SetAllAp), t.named(true)}
	}
	return [2]Ordinals{t.logSet(&t.log.All, SetAll), t.named(false)}
}

// named are the messages that name the user: in a group, since the log began.
func (t *Tally) named(apart bool) Ordinals {
	if t.k.Kind == events.C2C {
		return t.c.Named.At(t.k.Set(SetNamed))
	}
	s := t.sender()
	if s == nil {
		s = new(Sender)
	}
	set, key := s.named(t.k, apart)
	return set.At(key)
}

// in and ap are the halves of a thread, empty ones of a thread that is not there.
func (t *Tally) halves(thread string) (in, ap Ordinals) {
	lk := t.k.LogKey()
	h := t.r.Thread(lk, thread)
	if h == nil {
		h = new(Thread)
	}
	return h.In.At(lk.SetOf(thread, SetIn)), h.Ap.At(lk.SetOf(thread, SetAp))
}

// base counts what a conversation with one read position has unread.
func (t *Tally) base(o Ord) uint64 {
	if t.since(o) == 0 {
		return 0
	}
	return t.without(o, t.off(o, t.senders))
}

// part counts what is unread of a set of live messages after a place.
func (t *Tally) part(set Ordinals, apart bool, o Ord) uint64 {
	n := set.countAfter(t.r, o)
	if n == 0 {
		return 0
	}
	off := uint64(0)
	for _, out := range t.senders(apart) {
		off += CommonAfter(t.r, o, set, out)
	}
	if n < off {
		Break(t.k, "%d messages after ordinal %d, %d of them do not count", n, o, off)
	}
	return n - off
}

// mentions counts those that name the user or everybody (rule mention), among the
// messages of a set, or of all if there is none.
func (t *Tally) mentions(apart bool, o Ord, among ...Ordinals) (n uint64) {
	for _, names := range t.naming(apart) {
		named := names.countAfter(t.r, o)
		if named > 0 && len(among) > 0 {
			named = CommonAfter(t.r, o, append(among, names)...)
		}
		if named == 0 {
			continue
		}
		off := uint64(0)
		for _, out := range t.senders(apart) {
			off += CommonAfter(t.r, o, append(among, names, out)...)
		}
		if named < off {
			Break(t.k, "%d messages after ordinal %d name the user, %d of them do not count", named, o, off)
		}
		n += named - off
	}
	return n
}

// measure is a way to count: messages, or mentions.
type measure struct {
	base func(o Ord) uint64               // of what counts after a place
	part func(set Ordinals, o Ord) uint64 // of what counts of a set after a place
}

// sum counts a conversation whose timelines do not all count from the same place
// (rules timeline, thread-mute).
func (t *Tally) sum(m measure) uint64 {
	n := int64(m.base(t.read))
	threaded := t.threaded()
	moved := func(set Ordinals, from, to Ord) int64 {
		if from == to {
			return 0
		}
		return int64(m.part(set, to)) - int64(m.part(set, from))
	}
	n += moved(threaded, t.read, t.threads)
	for _, line := range t.timelines() {
		switch {
		case !line.Own && !line.Muted:
		case line.Thread == "":
			o := t.at("", line)
			n += int64(m.base(o)) - int64(m.base(t.read)) - moved(threaded, t.read, o)
		default:
			in, _ := t.halves(line.Thread)
			if line.Muted {
				n -= int64(m.part(in, t.threads))
			} else {
				n += moved(in, t.threads, t.at(line.Thread, line))
			}
		}
	}
	if n < 0 {
		Break(t.k, "%d messages are unread", n)
	}
	return uint64(n)
}

// Unread is the conversation's count (rule exact).
func (t *Tally) Unread() uint64 {
	if t.idle() || t.shut() {
		return 0
	}
	if t.plain() {
		return t.carried + t.base(t.read)
	}
	return t.carried + t.sum(measure{t.base, func(set Ordinals, o Ord) uint64 { return t.part(set, false, o) }})
}

// Mentions is the number of its unread messages that name the user or everybody.
func (t *Tally) Mentions() uint64 {
	if t.idle() || t.shut() {
		return 0
	}
	if t.plain() {
		return t.mentioned + t.mentions(false, t.read)
	}
	return t.mentioned + t.sum(measure{
		func(o Ord) uint64 { return t.mentions(false, o) },
		func(set Ordinals, o Ord) uint64 { return t.mentions(false, o, set) },
	})
}

// Threads is what counts apart in the followed threads that are not muted
// (rules apart, follow).
func (t *Tally) Threads() events.ThreadTotals {
	sum, _ := t.Apart()
	return sum
}

// Apart is Threads, and in how many of them there are mentions.
func (t *Tally) Apart() (sum events.ThreadTotals, named uint64) {
	newest, any := t.apart().last()
	if !any || t.c.Timelines == 0 {
		return sum, 0
	}
	for _, line := range t.timelines() {
		if !line.Following || line.Muted || max(t.at(line.Thread, line), line.From) >= newest {
			continue
		}
		_, ap := t.halves(line.Thread)
		o := max(t.at(line.Thread, line), line.From)
		n := t.part(ap, true, o)
		if n == 0 {
			continue
		}
		mentions := t.mentions(true, o, ap)
		sum.Unread += n
		sum.Mentions += mentions
		if sum.Threads++; mentions > 0 {
			named++
		}
	}
	return sum, named
}

// Thread counts one timeline: a thread, muted or not, or the main one; what counts
// apart counts for who follows.
func (t *Tally) Thread(name string) (unread, mentions uint64) {
	if t.shut() {
		return 0, 0
	}
	line := t.timeline(name)
	o := t.at(name, line)
	if name == "" {
		unread, mentions = t.base(o), t.mentions(false, o)
		unread -= t.part(t.threaded(), false, o)
		mentions -= t.mentions(false, o, t.threaded())
		return t.carried + unread, t.mentioned + mentions
	}
	in, ap := t.halves(name)
	unread, mentions = t.part(in, false, o), t.mentions(false, o, in)
	if line != nil && line.Following {
		o = max(o, line.From)
		unread += t.part(ap, true, o)
		mentions += t.mentions(true, o, ap)
	}
	return unread, mentions
}
