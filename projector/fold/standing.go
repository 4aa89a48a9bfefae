package fold

import "reddot/events"

// lost reports whether a purge has taken anything out of a count.
func (t *Tally) lost(p Purge, count func() uint64) bool {
	t.from(p.From.Ord)
	before := count()
	t.from(p.To.Ord)
	after := count()
	t.from(t.log.Purged.Ord)
	return after < before
}

// apartVersion is the command of the newest message that what counts apart in followed
// threads has come to include, since the user's rows of them have changed: what was
// before that is in the conversation's own version.
func (t *Tally) apartVersion() (v events.Seq) {
	for _, line := range t.timelines() {
		if line.Following && !line.Muted {
			v = max(v, t.posted(line))
		}
	}
	return v
}

// posted is the command of the newest message that counts apart in a followed thread for
// the user and is unread, since the row has changed; 0 if there is none. One that was
// recalled may be among them.
func (t *Tally) posted(line *Timeline) events.Seq {
	h := t.r.Thread(t.k.LogKey(), line.Thread)
	if h == nil {
		return 0
	}
	after, barred := max(t.stood(line.Thread, line), line.From), false
	for _, p := range h.Newest {
		switch {
		case p.Ord <= after || p.Seq < line.Version:
			return 0
		case t.blocks(p.From):
			barred = true
		case p.From != t.k.User:
			return p.Seq
		}
	}
	ap := h.Ap.At(t.k.LogKey().SetOf(line.Thread, SetAp))
	if len(h.Newest) < 2 || !barred || t.part(ap, true, after) == 0 {
		return 0
	}
	// Both are of who does not count, and what counts lies before.
	for end := h.Newest[1].Ord; end-after > 1; {
		if middle := after + (end-after)/2; t.part(ap, true, middle) > 0 {
			after = middle
		} else {
			end = middle
		}
	}
	lk := t.k.LogKey()
	if m := t.r.Message(lk, positionOf(t.r, lk, t.log, after+1)); m.Seq >= line.Version {
		return m.Seq
	}
	return 0
}

// behind counts what a timeline would have unread if it were followed and read up to a
// place.
func (t *Tally) behind(thread string, o Ord) uint64 {
	if t.shut() {
		return 0
	}
	if thread == "" {
		return t.base(o) - t.part(t.threaded(), false, o)
	}
	in, ap := t.halves(thread)
	return t.part(in, false, o) + t.part(ap, true, o)
}

// behindAll counts what the conversation and its followed threads would have unread if
// every timeline were read up to a place, muted threads among them.
func (t *Tally) behindAll(o Ord) uint64 {
	if t.shut() {
		return 0
	}
	n := t.base(o)
	for _, line := range t.timelines() {
		if line.Following {
			_, ap := t.halves(line.Thread)
			n += t.part(ap, true, max(o, line.From))
		}
	}
	return n
}

// inThread reports whether a message was part of what its timeline shows, until it was
// recalled.
func (t *Tally) inThread(r Recall) bool {
	line := t.timeline(r.Thread)
	at := t.stood(r.Thread, line)
	if r.Apart {
		at = max(at, line.followedFrom())
	}
	return r.Ord > at
}

// shows reports whether a message was part of what the conversation shows, until it was
// recalled.
func (t *Tally) shows(r Recall) bool {
	if t.c.Timelines == 0 && r.Apart {
		return false
	}
	line := (*Timeline)(nil)
	if t.c.Timelines > 0 {
		line = t.timeline(r.Thread)
	}
	at := t.stood(r.Thread, line)
	if r.Apart {
		at = max(at, line.followedFrom())
	}
	return r.Ord > at && (line == nil || !line.Muted)
}

// all counts the conversation and what counts apart from it.
func (t *Tally) all() uint64 { return t.Unread() + t.Threads().Unread }
