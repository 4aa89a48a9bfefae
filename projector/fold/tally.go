package fold

import "reddot/events"

// Tally counts what a user has unread in a conversation. It is the one place that
// does: views, and rules that depend on a count, ask it. It reads rows only where
// something may be unread, and is good until one of its rows changes.
//
//	unread = carried                      imported
//	       + log.Head.Ord - read.Ord      counted after the read position and what is purged
//	       - revoked after it
//	       - by senders who don't count for the user, after it: the user (rule own)
type Tally struct {
	r   Reader
	k   Key
	c   *Conversation
	log *Log

	read              Ord    // where counting begins
	carried, mentions uint64 // from before the first message (rule carried)

	asked bool // own has been read
	own   *Sender
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

// senders are the messages of those in a group who don't count for the user, each a
// set of its own.
func (t *Tally) senders(more ...Ordinals) []Ordinals {
	if !t.asked && t.k.Kind == events.Group {
		t.own, t.asked = t.r.Sender(t.k), true
	}
	if t.own != nil {
		more = append(more, t.own.Own.At(t.k.Set(SetOwn)))
	}
	return more
}

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
func (t *Tally) Own() uint64 {
	if t.none() {
		return 0
	}
	n := uint64(0)
	for _, out := range t.senders() {
		n += out.countAfter(t.r, t.read)
	}
	return n
}

// Unread is the conversation's count (rule exact).
func (t *Tally) Unread() uint64 {
	if t.none() {
		return t.carried
	}
	since, off := t.Since(), t.Own()+t.revoked().countAfter(t.r, t.read)
	if since < off {
		Break(t.k, "read up to ordinal %d of %d, and %d do not count after it", t.read, t.log.Head.Ord, off)
	}
	return t.carried + since - off
}

// Mentions is the number of unread messages that name the user or everybody
// (rule mention).
func (t *Tally) Mentions() uint64 {
	if t.none() {
		return t.mentions
	}
	n, all := t.mentions+t.named().countAfter(t.r, t.read), t.all()
	toAll := all.countAfter(t.r, t.read)
	if toAll == 0 {
		return n
	}
	off := uint64(0)
	for _, out := range t.senders() {
		off += CommonAfter(t.r, t.read, all, out)
	}
	if toAll < off {
		Break(t.k, "%d messages are to all, %d of them do not count", toAll, off)
	}
	return n + toAll - off
}

// Next is the ordinal of the first message after another one that is part of the
// count, or 0. At the read position, it is the first unread one.
func (t *Tally) Next(after Ord) Ord {
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
