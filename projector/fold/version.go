package fold

import "reddot/events"

// TimelineVersion is the version of the user's view of a timeline of a conversation in
// the list: t is the user's row of it, h the thread; nil: there is none. Of a thread that
// the user follows, and is notified of, it is of the command that last changed the view.
// Of another one it may be of a later command by which the user has changed the
// conversation, so not later than the user's version: of commands that change many threads
// at once nothing is written to each. (Of a thread that a clear has left nothing of it may
// be of a later clear.)
func TimelineVersion(r Reader, k Key, c *Conversation, log *Log, name string, t *Timeline, h *Thread) (v events.Seq) {
	if t == nil || !t.Own {
		v = c.moved(name)
	}
	if t != nil {
		v = max(v, t.Version)
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
	if t == nil || !t.Following {
		if v = max(v, c.Stirred); gone {
			v = max(v, c.ClearSeq)
		}
	}
	if gone { // no change of it shows
		return v
	}
	v = max(v, last.Seq, changed)
	tally := TallyOf(r, k, c, log)
	for _, p := range log.Purges {
		count := func() uint64 { n, _ := tally.Thread(name); return n }
		shows := last.Pos > p.From.Pos && last.Pos <= p.To.Pos
		if p.Seq > v && (shows || tally.lost(p, count)) {
			v = p.Seq
		}
	}
	tally.from(0) // what was purged since had changed the view before
	for _, recall := range recalls {
		if recall.Seq > v && recall.Thread == name && recall.concerns(k.User) && tally.inThread(recall) {
			v = recall.Seq
		}
	}
	return v
}

// stir notes that a command of the user's may have changed what is shown of any thread.
func (c *Conversation) stir(by events.Seq, log *Log) {
	if log.OfThreads().Order > 0 {
		c.Stirred = by
	}
}
