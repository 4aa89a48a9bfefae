package fold

import "reddot/events"

// Tally counts what a user has unread in a conversation. It is the one place that
// does: views, and rules that depend on a count, ask it. It reads rows only where
// something may be unread, and is good until one of its rows changes.
//
//	unread = carried                      imported
//	       + log.Head.Ord - read.Ord      counted after the read position and what is purged
//	       - revoked after it
//	       - by senders who don't count for the user, after it: the user (rule own), and
//	         those whom the user blocks (rule block)
type Tally struct {
	r   Reader
	k   Key
	c   *Conversation
	log *Log

	read              Ord    // where counting begins
	carried, mentions uint64 // from before the first message (rule carried)

	asked  bool // own has been read
	own    *Sender
	barred *barred // nil: not read yet
}

// TallyOf begins to count a conversation.
func TallyOf(r Reader, k Key, c *Conversation, log *Log) Tally {
	return Tally{r: r, k: k, c: c, log: log, read: c.From(log).Ord, carried: c.Carried, mentions: c.CarriedMentions}
}

// from has the conversation counted as if it were read up to an ordinal.
func (t *Tally) from(o Ord) *Tally {
	t.read, t.carried, t.mentions = o, 0, 0
	return t
}

// none reports whether no message that counted lies after the read position.
func (t *Tally) none() bool { return t.log.Head.Ord == t.read }

// empty reports whether nothing can be unread.
func (t *Tally) empty() bool { return t.none() && t.carried == 0 }

// senders are the messages of those in a group who don't count for the user, each a
// set of its own.
func (t *Tally) senders(more ...Ordinals) []Ordinals {
	return append(t.mine(more...), t.blocked()...)
}

// mine are the user's own messages in a group.
func (t *Tally) mine(more ...Ordinals) []Ordinals {
	if !t.asked && t.k.Kind == events.Group {
		t.own, t.asked = t.r.Sender(t.k), true
	}
	if t.own != nil {
		more = append(more, t.own.Own.At(t.k.Set(SetOwn)))
	}
	return more
}

func (t *Tally) bars() *barred {
	if t.barred == nil {
		b := barredIn(t.r, t.k)
		t.barred = &b
	}
	return t.barred
}

// blocked are the messages in a group of those whom the user blocks.
func (t *Tally) blocked() []Ordinals { return t.bars().own(t.k.ConversationID) }

func (t *Tally) revoked() Ordinals { return t.log.Revoked.At(t.k.LogKey().Set(SetRevoked)) }
func (t *Tally) all() Ordinals     { return t.log.All.At(t.k.LogKey().Set(SetAll)) }
func (t *Tally) named() Ordinals   { return t.c.Named.At(t.k.Set(SetNamed)) }

// Since is how many messages have counted since the read position, those that do not
// count for the user or any more among them.
func (t *Tally) Since() uint64 {
	if t.log.Head.Ord < t.read {
		Break(t.k, "read up to ordinal %d of %d", t.read, t.log.Head.Ord)
	}
	return uint64(t.log.Head.Ord - t.read)
}

// Own is how many of them are the user's own, and not revoked.
func (t *Tally) Own() uint64 { return t.sum(t.mine) }

// Blocked is how many of them are of senders whom the user blocks, and not revoked (rule
// block): of a peer's, all that are carried too.
func (t *Tally) Blocked() uint64 {
	if t.bars().peer {
		return t.carried + t.Since() - t.revoked().countAfter(t.r, t.read)
	}
	return t.sum(func(...Ordinals) []Ordinals { return t.blocked() })
}

func (t *Tally) sum(sets func(...Ordinals) []Ordinals) (n uint64) {
	if t.none() {
		return 0
	}
	for _, out := range sets() {
		n += out.countAfter(t.r, t.read)
	}
	return n
}

// Live is how many of them keep a conversation in the list: those that are not revoked,
// the user's own in a group among them, and of nobody whom the user blocks.
func (t *Tally) Live() uint64 {
	since, off := t.Since(), t.Blocked()+t.revoked().countAfter(t.r, t.read)
	if since < off {
		Break(t.k, "read up to ordinal %d of %d, and %d do not count after it", t.read, t.log.Head.Ord, off)
	}
	return since - off
}

// Unread is the conversation's count (rule exact).
func (t *Tally) Unread() uint64 {
	switch {
	case t.empty() || t.bars().peer:
		return 0
	case t.none():
		return t.carried
	}
	live, own := t.Live(), t.Own()
	if live < own {
		Break(t.k, "%d messages count after ordinal %d, %d of them are the user's own", live, t.read, own)
	}
	return t.carried + live - own
}

// Mentions is the number of unread messages that name the user or everybody
// (rule mention).
func (t *Tally) Mentions() uint64 {
	switch {
	case t.empty() || t.bars().peer:
		return 0
	case t.none():
		return t.mentions
	}
	return t.mentions + t.but(t.named(), t.blocked()) + t.but(t.all(), t.senders())
}

// but is how many unread messages are in a set, and in none of some others, which have
// nothing in common.
func (t *Tally) but(in Ordinals, others []Ordinals) uint64 {
	n, off := in.countAfter(t.r, t.read), uint64(0)
	if n == 0 {
		return 0
	}
	for _, out := range others {
		off += CommonAfter(t.r, t.read, in, out)
	}
	if n < off {
		Break(t.k, "%d messages are in set %c, %d of them do not count", n, in.Key.Kind, off)
	}
	return n - off
}

// Next is the ordinal of the first message after another one that is part of the
// count, or 0. At the read position, it is the first unread one.
func (t *Tally) Next(after Ord) Ord {
	if t.bars().peer {
		return 0
	}
	return NextFree(t.r, after, t.log.Head.Ord, t.senders(t.revoked())...)
}

// First is the ordinal of the first unread message, or 0, also if one without an id
// comes before it.
func (t *Tally) First() Ord {
	if t.carried > 0 {
		return 0
	}
	return t.Next(t.read)
}
