package fold

// Since is how many messages have counted since the read position, those that do not
// count for the user or any more among them.
func (t *Tally) Since() uint64 { return t.since(t.read) }

func (t *Tally) since(o Ord) uint64 {
	if t.log.Head.Ord < o {
		Break(t.k, "read up to ordinal %d of %d", o, t.log.Head.Ord)
	}
	return uint64(t.log.Head.Ord - o)
}

// Own is how many of them are the user's own, count in the conversation and are not
// revoked.
func (t *Tally) Own() uint64 { return t.off(t.read, t.mine) }

// Blocked is how many of them are of senders whom the user blocks, count in the
// conversation and are not revoked (rule block): of a peer's, all that are carried too.
func (t *Tally) Blocked() uint64 {
	if t.shut() {
		return t.carried + t.Since() - t.Revoked()
	}
	return t.off(t.read, t.others)
}

func (t *Tally) others(apart bool, more ...Ordinals) []Ordinals {
	return append(more, t.blocked(apart)...)
}

// off is how many messages after a place are in some sets of those that count in the
// conversation.
func (t *Tally) off(o Ord, sets func(apart bool, more ...Ordinals) []Ordinals) (n uint64) {
	if t.log.Head.Ord == o {
		return 0
	}
	for _, out := range sets(false) {
		n += out.countAfter(t.r, o)
	}
	return n
}

// Live is how many messages after a place keep a conversation in the list: those that
// count in it and are not revoked, the user's own in a group among them, and of nobody
// whom the user blocks.
func (t *Tally) Live(o Ord) uint64 {
	if t.shut() {
		return 0
	}
	return t.without(o, t.off(o, t.others))
}

// without is how many messages after a place count in the conversation, but for some.
func (t *Tally) without(o Ord, some uint64) uint64 {
	since := t.since(o)
	off := some + t.revoked().countAfter(t.r, o) + t.apart().countAfter(t.r, o)
	if since < off {
		Break(t.k, "read up to ordinal %d of %d, and %d do not count after it", o, t.log.Head.Ord, off)
	}
	return since - off
}

// Revoked is how many of them do not count any more.
func (t *Tally) Revoked() uint64 { return t.revoked().countAfter(t.r, t.read) }
