package fold

import "reddot/events"

// Summary is what a user's totals and the order of the list are made of, of one
// conversation. It is derived from the user's rows of it, the rows of its log, whom the
// user blocks, and what those have written there: as long as none of that changes, it is
// as it was.
type Summary struct {
	Listed           bool // it is in the list; else only the versions are set
	Unread, Mentions uint64
	Apart            events.ThreadTotals // what counts apart
	ApartNamed       uint64              // in how many of those threads there are mentions
	Activity         events.Seq          // its place in the list
	Version          events.Seq          // of what is shown; of what is not in the list, of its leaving

	// Threads is the version of what is shown of the threads that the user follows, or was
	// shown, where that is later.
	Threads events.Seq
}

// Summarize makes the summary of a conversation.
func Summarize(r Reader, k Key, c *Conversation, log *Log) Summary {
	s := Summary{Listed: c.Listed(r, k, log), Version: c.Version, Threads: c.Followed}
	if !s.Listed {
		return s
	}
	t := TallyOf(r, k, c, log)
	s.Unread, s.Mentions, s.Version, s.Activity = t.Unread(), t.Mentions(), t.version(), c.Activity(k, log)
	s.Apart, s.ApartNamed = t.Apart()
	if c.Timelines == 0 || log.OfThreads().Version <= max(s.Version, s.Threads) {
		return s
	}
	for _, line := range t.timelines() {
		if line.Following {
			s.Threads = max(s.Threads, t.lineVersion(line.Thread, line, r.Thread(k.LogKey(), line.Thread)))
		}
	}
	return s
}

// Latest is the version of all that it is about.
func (s *Summary) Latest() events.Seq { return max(s.Version, s.Threads) }

// LogOf is the log of a conversation. That of a group must be there.
func LogOf(r Reader, k Key, c *Conversation) *Log {
	if k.Kind == events.C2C {
		return c.Log
	}
	log := r.Group(k.ID)
	if log == nil {
		Break(GroupKey(k.ID), "it is missing")
	}
	return log
}
