package fold

import "reddot/events"

// ViewVersion is the version of the user's view of a conversation that is in
// the list.
func (c *Conversation) ViewVersion(rows Reader, k Key, log *Log) events.Seq {
	t := TallyOf(rows, k, c, log)
	return t.version()
}

// version is ViewVersion.
func (t *Tally) version() events.Seq {
	c, log := t.c, t.log
	v := c.Version
	if log.Last.Pos == 0 || log.Last.Pos > c.Cleared.Pos { // else what changed for the others does not show here
		v = max(v, log.Version)
	}
	later := func(seq events.Seq) bool { return seq > v && seq > c.Pinned }
	for i := range log.Recalls {
		if r := &log.Recalls[i]; later(r.Seq) && t.heeds(r) && t.shows(*r) {
			v = r.Seq
		}
	}
	for _, p := range log.Purges {
		if later(p.Seq) && t.lost(p, t.all) {
			v = p.Seq
		}
	}
	if c.Timelines > 0 && later(log.OfThreads().ApartVersion) {
		if seq := t.apartVersion(); later(seq) {
			v = seq
		}
	}
	return v
}

// TimelineVersion is the version of the user's view of a timeline of a conversation in
// the list: line is the user's row of it, h the thread; nil: there is none. Of a thread that
// the user follows, and is notified of, it is of the command that last changed the view.
// Of another one it may be of a later command by which the user has changed the
// conversation, so not later than the user's version: of commands that change many threads
// at once nothing is written to each. (Of a thread that a clear has left nothing of it may
// be of a later clear.)
func TimelineVersion(r Reader, k Key, c *Conversation, log *Log, name string, line *Timeline, h *Thread) events.Seq {
	t := TallyOf(r, k, c, log)
	return t.lineVersion(name, line, h)
}

// lineVersion is TimelineVersion.
func (t *Tally) lineVersion(name string, line *Timeline, h *Thread) (v events.Seq) {
	c, log := t.c, t.log
	if line == nil || !line.Own {
		v = c.moved(name)
	}
	if line != nil {
		v = max(v, line.Version)
	}
	last, changed, recalls := new(Last), events.Seq(0), []Recall(nil)
	switch {
	case name == "":
		v = max(v, c.Version)
		last, changed, recalls = log.LastMain(), log.MainVersion, log.Recalls
	case h != nil:
		last, changed, recalls = &h.Last, h.Version, h.Recalls
	}
	gone := last.Pos <= c.Cleared.Pos
	if line == nil || !line.Following {
		if v = max(v, c.Stirred); gone {
			v = max(v, c.ClearSeq)
		}
	}
	if gone { // no change of it shows
		return v
	}
	v = max(v, last.Seq, changed)
	count := func() uint64 { n, _ := t.Thread(name); return n }
	for _, p := range log.Purges {
		shows := last.Pos > p.From.Pos && last.Pos <= p.To.Pos
		if p.Seq > v && (shows || p.Seq > c.Pinned && t.lost(p, count)) {
			v = p.Seq
		}
	}
	for i := range recalls {
		if r := &recalls[i]; r.Seq > v && r.Seq > c.Pinned && r.Thread == name && t.heeds(r) && t.inThread(*r) {
			v = r.Seq
		}
	}
	return v
}

// heeds reports whether a recall, or an edit, may change what the user is shown: not that
// of a blocked sender's message (rule quiet). In C2C those are not listed.
func (t *Tally) heeds(r *Recall) bool {
	return r.concerns(t.k.User) && (t.k.Kind == events.C2C || !t.blocks(r.From))
}

// stir notes that a command of the user's may have changed what is shown of any thread.
func (c *Conversation) stir(by events.Seq, log *Log) {
	if log.OfThreads().Order > 0 {
		c.Stirred = by
	}
}
