package store

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// Thread implements fold.Reader.
func (r *reader) Thread(log fold.Key, thread string) *fold.Thread {
	log = r.rowsOf(log)
	return tablesOf(r.hidden).threads.read(r, row.AppendThread(r.key[:0], log, thread))
}

// Timeline implements fold.Reader.
func (r *reader) Timeline(k fold.Key, thread string) *fold.Timeline {
	if r.snap != nil {
		if lines, known := r.snap.timelinesInList(k); known {
			for _, t := range lines {
				if t.Thread == thread {
					return t
				}
			}
			return nil
		}
	}
	k.User = row.InEra(k.User, r.Era(k.User))
	return tablesOf(r.hidden).timelines.read(r, row.AppendTimeline(r.key[:0], k, thread))
}

// Timelines implements fold.Reader.
func (r *reader) Timelines(k fold.Key) (all []*fold.Timeline) {
	if r.snap != nil {
		if lines, known := r.snap.timelinesInList(k); known {
			return lines
		}
	}
	return r.timelinesOf(k, r.Era(k.User))
}

// timelinesOf are the user's rows of a conversation that were written in an era.
func (r *reader) timelinesOf(k fold.Key, era events.Seq) (all []*fold.Timeline) {
	k.User = row.InEra(k.User, era)
	prefix := row.TimelinesOf(k)
	if r.snap != nil {
		r.snap.scan(prefix, func(rest, value []byte) {
			t, err := row.DecodeTimeline(string(append(slices.Clone(prefix), rest...)), string(value))
			if err != nil {
				check(rowError(append(slices.Clone(prefix), rest...), err))
			}
			all = append(all, t)
		})
		return all
	}
	for _, thread := range list(r, tablesOf(r.hidden).timelines, prefix) {
		all = append(all, tablesOf(r.hidden).timelines.read(r, append(slices.Clone(prefix), thread...)))
	}
	return all
}

// ThreadOrder implements fold.Reader. What has changed since the last commit comes
// between what is stored.
func (r *reader) ThreadOrder(log fold.Key, before events.Seq) iter.Seq2[events.Seq, string] {
	prefix := row.OrdersPrefix(r.rowsOf(log))
	changed := map[events.Seq]*string{}
	if r.snap == nil {
		tablesOf(r.hidden).orders.partOf(r, prefix) // all of them are at home there
		tablesOf(r.hidden).orders.changedOf(r, string(prefix), func(key string, thread *string) {
			seq, _ := row.ReadUint([]byte(key[len(prefix):]))
			changed[events.Seq(seq)] = thread
		})
	}
	fresh := slices.SortedFunc(maps.Keys(changed), func(a, b events.Seq) int { return cmp.Compare(b, a) })
	return func(yield func(events.Seq, string) bool) {
		upto := func(seq events.Seq) (more bool) { // what has changed, down to a seq
			for len(fresh) > 0 && fresh[0] >= seq {
				at := fresh[0]
				fresh = fresh[1:]
				if thread := changed[at]; thread != nil && at < before && !yield(at, *thread) {
					return false
				}
			}
			return true
		}
		it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: row.AppendUint(slices.Clone(prefix), uint64(before))})
		check(err)
		defer func() { check(errors.Join(it.Error(), it.Close())) }()
		for ok := it.Last(); ok; ok = it.Prev() {
			seq, numbered := row.ReadUint(it.Key()[len(prefix):])
			thread, err := row.DecodeName("", string(it.Value()))
			if err != nil || !numbered {
				check(rowError(it.Key(), errors.Join(err, row.ErrCorruptRow)))
			}
			_, again := changed[events.Seq(seq)]
			if !again && r.Thread(log, string(*thread)) == nil { // in the order without a row
				check(rowError(it.Key(), row.ErrCorruptRow))
			}
			if !upto(events.Seq(seq)) || !again && !yield(events.Seq(seq), *thread) {
				return
			}
		}
		upto(0)
	}
}

// PutThread implements fold.Rows.
func (r *rows) PutThread(log fold.Key, thread string, t *fold.Thread) {
	log = r.rowsOf(log)
	r.key = row.AppendThread(r.key[:0], log, thread)
	tablesOf(r.hidden).threads.put(&r.reader, r.key, t)
}

func (r *rows) putTimeline(k fold.Key, thread string, t *fold.Timeline) {
	k.User = row.InEra(k.User, r.Era(k.User))
	r.key = row.AppendTimeline(r.key[:0], k, thread)
	tablesOf(r.hidden).timelines.put(&r.reader, r.key, t)
}

// PutTimeline implements fold.Rows.
func (r *rows) PutTimeline(k fold.Key, t *fold.Timeline) { r.putTimeline(k, t.Thread, t) }

// DeleteTimeline implements fold.Rows.
func (r *rows) DeleteTimeline(k fold.Key, thread string) { r.putTimeline(k, thread, nil) }

// EndTimelines implements fold.Rows.
func (r *rows) EndTimelines(k fold.Key, era events.Seq) (followed []string) {
	for _, t := range r.timelinesOf(k, era) {
		if t.Following {
			followed = append(followed, t.Thread)
		}
		of := k
		of.User = row.InEra(k.User, era)
		r.key = row.AppendTimeline(r.key[:0], of, t.Thread)
		tablesOf(r.hidden).timelines.remove(&r.reader, r.key)
	}
	return followed
}

func (r *rows) putOrder(log fold.Key, seq events.Seq, thread *string) {
	log = r.rowsOf(log)
	r.key = row.AppendOrder(r.key[:0], log, seq)
	tablesOf(r.hidden).orders.put(&r.reader, r.key, thread)
}

// PutOrder implements fold.Rows.
func (r *rows) PutOrder(log fold.Key, seq events.Seq, thread string) {
	r.putOrder(log, seq, &thread)
}

// DeleteOrder implements fold.Rows.
func (r *rows) DeleteOrder(log fold.Key, seq events.Seq) { r.putOrder(log, seq, nil) }

func (r *rows) putFollower(group, thread, user string, p *row.Present) {
	r.key = row.AppendFollower(r.key[:0], group, thread, user)
	tablesOf(r.hidden).followers.put(&r.reader, r.key, p)
}

// PutFollower implements fold.Rows.
func (r *rows) PutFollower(group, thread, user string) {
	r.putFollower(group, thread, user, &row.Present{})
}

// DeleteFollower implements fold.Rows.
func (r *rows) DeleteFollower(group, thread, user string) { r.putFollower(group, thread, user, nil) }

// Followers lists the followers of a thread, and some who have left the group and are
// being swept.
func (s *Snapshot) Followers(t fold.ThreadKey) (users []string, err error) {
	defer catch(&err)
	s.scan(row.FollowersPrefix(t.Group, t.Thread), func(rest, _ []byte) { users = append(users, string(rest)) })
	return users, nil
}
