package fold

import (
	"cmp"
	"slices"
	"strings"

	"reddot/events"
)

// Due is a message that expires.
type Due struct {
	At  events.Time
	Log Key
	Era events.Seq // C2C: of the inbox, as in Rows
	Pos Pos
}

// mostExpired bounds the messages that expire by one clock, and the users whom they
// name: no command may take long. The next clock goes on.
const mostExpired = 1_000

// clock ends what has expired (rules clock, expire). One that is not later than the
// latest changes nothing.
func (s *step) clock() {
	before := s.c.At + 1
	if before <= s.Clock() {
		s.ignore()
		return
	}
	s.SetClock(before)
	shows, expired, named := false, 0, 0
	s.EachDue(before, func(d Due) bool {
		shown, names := s.expire(d)
		shows = shows || shown
		expired++
		named += names
		return expired < mostExpired && named < mostExpired
	})
	if !shows {
		s.ignore()
	}
	s.noteAll()
}

// expire ends one message. It reports whether that may show to anybody, and how many
// users the message names.
func (s *step) expire(d Due) (shows bool, names int) {
	if d.Log.Kind == events.C2C && d.Era != s.Era(d.Log.User) {
		return false, 0 // it was erased, and is not swept yet
	}
	m := s.Message(d.Log, d.Pos)
	i := Index{Pos: d.Pos, Ord: m.Ord, Counted: m.Counted}
	if d.Log.Kind == events.C2C {
		return s.takeBack(d.Log, i), 0
	}
	return s.takeBackFromAll(d.Log.ID, i), len(m.Mentions)
}

// noteAll notes all that the command has changed: neither the command nor the rows
// say what has expired.
func (s *step) noteAll() {
	slices.SortFunc(s.fx.Changed, func(a, b Key) int {
		return cmp.Or(strings.Compare(a.User, b.User), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	s.fx.Changed = slices.Compact(s.fx.Changed)
	slices.Sort(s.fx.Groups)
	s.fx.Groups = slices.Compact(s.fx.Groups)
	slices.SortFunc(s.fx.Threads, func(a, b ThreadKey) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Thread, b.Thread))
	})
	s.fx.Threads = slices.Compact(s.fx.Threads)
	s.fx.NotedThreads = append(s.fx.NotedThreads, s.fx.Threads...)
	s.fx.Noted = append(s.fx.Noted, s.fx.Changed...)
	for _, g := range s.fx.Groups {
		s.fx.Noted = append(s.fx.Noted, GroupKey(g))
	}
}

// tooLate reports whether a message comes after its time: it never counts, as one that
// was revoked before it came (rule clock).
func (s *step) tooLate() bool { return s.c.HasExpiresAt && s.c.ExpiresAt < s.Clock() }
