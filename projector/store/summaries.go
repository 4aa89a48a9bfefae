package store

import (
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// summary is a conversation's, as it was at a seq. What of the user's it is derived from
// is that of the list that holds it; what of the log has a mark in logMarks.
type summary struct {
	at   events.Seq // 0: none
	mark uint32
	fold.Summary
}

// holds reports whether a summary is there, and is as it would be made at a seq.
func (s *summary) holds(at events.Seq, m *logMarks) bool {
	return s.at > 0 && s.at <= at && m.since(s.mark) <= s.at
}

// summaryWeight is what one takes: bytes.
const summaryWeight = 112

// summaries are those of a list's conversations, in their order, as far as they have been
// made. The slice is never changed: who makes some puts another one in its place.
type summaries struct {
	made    atomic.Pointer[[]summary]
	latest  atomic.Pointer[versioned]
	derived atomic.Pointer[derived]
}

// versioned is the latest version of all summaries of a list, as it is at a seq.
type versioned struct{ at, version events.Seq }

// derived is what was made of all summaries of a list, as they were at a seq.
type derived struct {
	at    events.Seq
	upto  atomic.Uint64 // to which seq they are known to have been so
	marks []uint16      // those of the summaries, each once, sorted
	value any
}

// derivedWeight is what one takes of each conversation: bytes.
const derivedWeight = 64

// holds reports whether the summaries at a seq are those that it was made of. That is a look at
// as many marks as there are at most, in their order, however long the list.
func (d *derived) holds(at events.Seq, m *logMarks) bool {
	upto := d.upto.Load()
	switch {
	case at < d.at:
		return false
	case at <= events.Seq(upto):
		return true
	}
	for _, mark := range d.marks {
		if m.since(uint32(mark)) > d.at {
			return false
		}
	}
	for uint64(at) > upto && !d.upto.CompareAndSwap(upto, uint64(at)) {
		upto = d.upto.Load()
	}
	return true
}

// marksOf are the marks of summaries.
func marksOf(all []summary) (marks []uint16) {
	var has [len(logMarks{})]bool
	n := 0
	for i := range all {
		if at := &has[all[i].mark]; !*at {
			*at = true
			n++
		}
	}
	marks = make([]uint16, 0, n)
	for mark, has := range has {
		if has {
			marks = append(marks, uint16(mark))
		}
	}
	return marks
}

// all are the summaries; nil: there are none.
func (s *summaries) all() []summary {
	if p := s.made.Load(); p != nil {
		return *p
	}
	return nil
}

func (s *summaries) set(all []summary) {
	if all != nil {
		s.made.Store(&all)
	}
}

// logMarks say when a log's rows have changed last, or those of another log with the same
// mark: so they take the same room however many logs there are.
//
// A commit sets the marks before the lists move on to it (see cache.Shared): who has got a
// list at a seq sees every mark that commits up to there have set. So a summary that was
// made at an earlier seq, and whose mark has not been set since, is as it would be now.
type logMarks [1 << 16]atomic.Uint64 // seqs of commits

// of is the mark of a log, by its name in the keys of rows.
func (m *logMarks) of(log string) uint32 {
	return uint32(xxhash.Sum64String(log) % uint64(len(m)))
}

// set notes that a commit has changed a log.
func (m *logMarks) set(log string, to events.Seq) { m[m.of(log)].Store(uint64(to)) }

// since is the last commit that has set a mark.
func (m *logMarks) since(mark uint32) events.Seq { return events.Seq(m[mark].Load()) }

// markLogs notes the logs that a commit has changed.
func (t *tables) markLogs(to events.Seq) {
	for _, f := range t.all {
		f.markLogs(t.marks, to)
	}
}

func (t *table[R]) markLogs(m *logMarks, to events.Seq) {
	if t.log == nil {
		return
	}
	for i := range t.parts {
		for _, e := range t.parts[i].dirty {
			m.set(t.log(e.key), to)
		}
	}
}

// Summaries implements fold.Reader.
func (r *reader) Summaries(user string, fn func(fold.Key, *fold.Conversation, *fold.Summary)) int {
	if r.snap != nil && r.left == nil {
		return r.snap.summariesOf(user, fn)
	}
	keys := r.Conversations(user)
	all := make([]fold.Summary, len(keys))
	for i, k := range keys {
		if c := r.Conversation(k); c != nil {
			all[i] = fold.Summarize(r, k, c, fold.LogOf(r, k, c))
			fn(k, c, &all[i])
		}
	}
	return len(keys)
}

// Latest implements fold.Reader. Whoever only looks whether anything is new mostly asks
// again before the next commit.
func (r *reader) Latest(user string) (version events.Seq) {
	var l *userList
	if r.snap != nil && r.left == nil {
		l = r.snap.listOf(user)
		if v := l.summaries.latest.Load(); v != nil && v.at == r.snap.position.Applied {
			return v.version
		}
	}
	r.Summaries(user, func(_ fold.Key, _ *fold.Conversation, s *fold.Summary) { version = max(version, s.Latest()) })
	if l != nil {
		l.summaries.latest.Store(&versioned{r.snap.position.Applied, version})
	}
	return version
}

// Derived implements fold.Reader.
func (r *reader) Derived(user string, make func() any) any {
	if r.snap == nil || r.left != nil || r.snap.many {
		return nil
	}
	l, at := r.snap.listOf(user), r.snap.position.Applied
	if d := l.summaries.derived.Load(); d != nil && d.holds(at, tablesOf(r.hidden).marks) {
		return d.value
	}
	all := l.summaries.all()
	if len(all) != len(l.keys) {
		return nil
	}
	for i := range all {
		if !all[i].holds(at, tablesOf(r.hidden).marks) {
			return nil
		}
	}
	d := &derived{at: at, value: make(), marks: marksOf(all)}
	d.upto.Store(uint64(at))
	l.summaries.derived.Store(d)
	return d.value
}

// summariesOf is Summaries where nothing is left to be swept: rows are what is stored.
func (s *Snapshot) summariesOf(user string, fn func(fold.Key, *fold.Conversation, *fold.Summary)) int {
	l, at, marks := s.listOf(user), s.position.Applied, tablesOf(s.store.hidden).marks
	all, own := l.summaries.all(), false
	for i, k := range l.keys {
		if i < len(all) && all[i].holds(at, marks) {
			fn(k, l.rows[i], &all[i].Summary)
			continue
		}
		if !own {
			all, own = append(make([]summary, 0, len(l.keys)), all...)[:len(l.keys)], true
		}
		c := l.rows[i]
		all[i] = summary{at: at, mark: marks.of(row.LogName(k, c.Era)), Summary: fold.Summarize(&s.rows, k, c, fold.LogOf(&s.rows, k, c))}
		fn(k, c, &all[i].Summary)
	}
	if own && !s.many { // see Many
		l.summaries.set(all)
	}
	return len(l.keys)
}
