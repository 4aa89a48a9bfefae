package emit

import (
	"slices"
	"strings"

	"reddot/projector/dirty"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// queue is a lane. Some of what it holds may have been told since, or be in
// another lane.
type queue struct {
	lane    lane
	waiting []*due
	sorted  []*due // the next ones
}

// sortedTogether is how many users are told by name: for each message that the
// event stream republishes, the server looks up the last one of the same subject,
// and so finds them side by side in the stream's files.
const sortedTogether = 4_096

func (q *queue) add(d *due) { q.waiting = append(q.waiting, d) }
func (q *queue) len() int   { return len(q.waiting) + len(q.sorted) }

// next takes the next user off; nil if there is none.
func (q *queue) next() *due {
	for {
		for len(q.sorted) > 0 {
			d := q.sorted[0]
			q.sorted = q.sorted[1:]
			if d.lane == q.lane {
				return d
			}
		}
		n := min(len(q.waiting), sortedTogether)
		if n == 0 {
			return nil
		}
		q.sorted = slices.Clone(q.waiting[:n])
		clear(q.waiting[:n])
		if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
			q.waiting = nil
		}
		slices.SortFunc(q.sorted, func(a, b *due) int { return strings.Compare(a.user, b.user) })
	}
}

// lot is a list of users of whom a command, or the messages of a group, touched
// each. Those before next have been told.
type lot struct {
	dirty.Bulk
	message bool        // in the group: what changed is the group's log
	sweep   *fold.Sweep // by which they left the group: the users are read as they are told; nil: they are known
	from    string      // where to go on reading
	more    bool        // there are more to be read
	round   *round
	next    int
}

// done says whether all have been told.
func (l *lot) done() bool { return l.next == len(l.Users) && !l.more }

// read reads on who has left, if those are told who are known.
func (l *lot) read(snap *store.Snapshot) error {
	if !l.more || l.next < len(l.Users) {
		return nil
	}
	keys, next, err := snap.Unswept(l.sweep, l.from)
	if err != nil {
		return err
	}
	l.Users, l.next = make([]string, len(keys)), 0
	for i, k := range keys {
		l.Users[i] = k.User
	}
	l.from, l.more = next, next != ""
	return nil
}

// list says whether it is known who is in the lot and is not known from the rows.
func (l *lot) list() bool { return !l.message && l.sweep == nil }

// union is who is in either list; both are sorted. Who is not a member any more is
// to be told all the same what came before.
func union(a, b []string) []string {
	if slices.Equal(a, b) {
		return b
	}
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}
