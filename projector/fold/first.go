package fold

// Next is the ordinal of the first message after another one that is part of the
// conversation's count, or 0.
func (t *Tally) Next(after Ord) Ord {
	if t.shut() {
		return 0
	}
	out := t.senders(false)
	dead := append(out[:len(out):len(out)], t.revoked(), t.apart())
	if t.plain() {
		return NextFree(t.r, max(after, t.read), t.log.Head.Ord, dead...)
	}
	least := earliest{}
	least.add(t.nextMain(after))
	rest := out[:len(out):len(out)] // not in threads that count from elsewhere
	for _, line := range t.timelines() {
		if line.Thread == "" || !line.Own && !line.Muted {
			continue
		}
		in, _ := t.halves(line.Thread)
		rest = append(rest, in)
		if !line.Muted {
			least.add(NextIn(t.r, in, max(after, t.at(line.Thread, line)), out...))
		}
	}
	least.add(NextIn(t.r, t.threaded(), max(after, t.threads), rest...))
	return least.o
}

// First is the ordinal of the first unread message, or 0, also if one without an id
// comes before it.
func (t *Tally) First() Ord {
	if t.carried > 0 {
		return 0
	}
	return t.Next(0)
}

// FirstOf is First for one timeline.
func (t *Tally) FirstOf(thread string) Ord {
	if thread == "" && t.carried > 0 {
		return 0
	}
	return t.NextOf(thread, 0)
}

// nextMain is Next for the main timeline.
func (t *Tally) nextMain(after Ord) Ord {
	return NextFree(t.r, max(after, t.at("", t.timeline(""))), t.log.Head.Ord, t.senders(false, t.revoked(), t.apart(), t.threaded())...)
}

// NextOf is the ordinal of the first message after another one that is part of the
// count of a timeline, or 0.
func (t *Tally) NextOf(thread string, after Ord) Ord {
	if t.shut() {
		return 0
	}
	if thread == "" {
		return t.nextMain(after)
	}
	line, least := t.timeline(thread), earliest{}
	o := t.at(thread, line)
	in, ap := t.halves(thread)
	least.add(NextIn(t.r, in, max(after, o), t.senders(false)...))
	if line != nil && line.Following {
		least.add(NextIn(t.r, ap, max(after, o, line.From), t.senders(true)...))
	}
	return least.o
}

// earliest is the least of some ordinals; 0 is none.
type earliest struct{ o Ord }

func (e *earliest) add(o Ord) {
	if o > 0 && (e.o == 0 || o < e.o) {
		e.o = o
	}
}

// ThreadSince is how many messages of a timeline have counted for the user since its
// read position: the user's own, those of who is blocked (of a peer, what is carried too)
// and, in the main timeline, recalled ones among them: a thread does not keep those.
func (t *Tally) ThreadSince(name string) (since, own, revoked, blocked uint64) {
	line := t.timeline(name)
	o := t.at(name, line)
	if name == "" {
		revoked = t.revoked().countAfter(t.r, o)
		since = t.since(o) - t.apart().countAfter(t.r, o) - t.threaded().countAfter(t.r, o)
	} else {
		in, ap := t.halves(name)
		since = in.countAfter(t.r, o)
		if line != nil && line.Following {
			since += ap.countAfter(t.r, max(o, line.From))
		}
	}
	switch {
	case !t.shut():
		blocked = t.written(name, line, t.others)
	case name == "":
		blocked = t.carried + since - revoked
	default:
		blocked = since
	}
	return since, t.written(name, line, t.mine), revoked, blocked
}

// written is how many of them some have written, as the sets say of those that count in
// the conversation, or apart.
func (t *Tally) written(name string, line *Timeline, sets func(apart bool, more ...Ordinals) []Ordinals) (n uint64) {
	o := t.at(name, line)
	in, ap := t.halves(name)
	for _, out := range sets(false) {
		if name == "" {
			n += out.countAfter(t.r, o) - CommonAfter(t.r, o, t.threaded(), out)
		} else {
			n += CommonAfter(t.r, o, in, out)
		}
	}
	if name == "" || line == nil || !line.Following {
		return n
	}
	for _, out := range sets(true) {
		n += CommonAfter(t.r, max(o, line.From), ap, out)
	}
	return n
}
