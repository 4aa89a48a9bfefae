package store

import (
	"container/heap"
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// due finds the messages that expire, in the order of their keys.
type due struct {
	from  string // no message that has not expired has a key before; "": nothing is known
	mu    sync.Mutex
	fresh keys // of messages that came since the last commit
}

// add enters the key of a message that expires.
func (d *due) add(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	heap.Push(&d.fresh, key)
}

// settle brings it up to a commit.
func (d *due) settle() { d.fresh = d.fresh[:0] }

// keys is a heap.
type keys []string

func (k keys) Len() int           { return len(k) }
func (k keys) Less(i, j int) bool { return k[i] < k[j] }
func (k keys) Swap(i, j int)      { k[i], k[j] = k[j], k[i] }
func (k *keys) Push(x any)        { *k = append(*k, x.(string)) }
func (k *keys) Pop() any {
	last := (*k)[len(*k)-1]
	*k = (*k)[:len(*k)-1]
	return last
}

// Clock implements fold.Rows.
func (r *rows) Clock() events.Time { return r.store.position.Clock }

// SetClock implements fold.Rows.
func (r *rows) SetClock(at events.Time) { r.store.position.Clock = at }

// PutDue implements fold.Rows.
func (r *rows) PutDue(d fold.Due) {
	log := r.rowsOf(d.Log)
	r.key = row.AppendDue(r.key[:0], d.At, log, d.Pos)
	tablesOf(r.hidden).dues.put(&r.reader, r.key, &row.Present{})
	r.store.due.add(string(r.key))
}

// EachDue implements fold.Rows. It goes through what is committed and what is not, side
// by side, and leaves out what was swept since.
func (r *rows) EachDue(before events.Time, fn func(fold.Due) (more bool)) {
	end := string(row.AppendDues(nil, before))
	if r.store.due.from >= end {
		return
	}
	it, err := r.db.NewIter(&pebble.IterOptions{LowerBound: dueFrom(r.store.due.from), UpperBound: []byte(end)})
	check(err)
	defer func() { // fn may panic; see check
		check(errors.Join(it.Error(), it.Close()))
	}()
	for stored := it.First(); ; {
		var key string
		switch fresh := r.store.due.fresh; {
		case len(fresh) > 0 && fresh[0] < end && !(stored && string(it.Key()) < fresh[0]):
			key = heap.Pop(&r.store.due.fresh).(string)
		case stored:
			key = string(it.Key())
			stored = it.Next()
		default:
			r.store.due.from = end
			return
		}
		r.store.due.from = key + "\x00"
		if tablesOf(r.hidden).dues.get(&r.reader, []byte(key)) == nil {
			continue
		}
		tablesOf(r.hidden).dues.remove(&r.reader, []byte(key))
		if !fn(parseDue(key)) {
			return
		}
	}
}

// dueFrom is where the keys of messages that expire begin.
func dueFrom(from string) []byte {
	if from == "" {
		return []byte{row.Dues}
	}
	return []byte(from)
}

func parseDue(key string) fold.Due {
	d, ok := row.ParseDue(key)
	if !ok {
		check(rowError([]byte(key), row.ErrCorruptRow))
	}
	return d
}

// NextDue is when the next message expires, if any does: one of an inbox that was
// erased and is not swept yet among them.
func (s *Snapshot) NextDue() (at events.Time, any bool, err error) {
	defer catch(&err)
	it, err := s.snap.NewIter(&pebble.IterOptions{LowerBound: dueFrom(s.due), UpperBound: []byte{row.Dues + 1}})
	check(err)
	defer func() {
		check(errors.Join(it.Error(), it.Close()))
	}()
	if any = it.First(); any {
		at = parseDue(string(it.Key())).At
	}
	return at, any, nil
}

// dropTail forgets when the messages expire that are stored in a conversation's row.
func (r *rows) dropTail(k fold.Key) {
	if k.Kind != events.C2C {
		return
	}
	if c := r.Stored(k); c != nil && c.Log.Tail != "" {
		k.User = row.InEra(k.User, c.Era)
		r.dropDues(row.TailOf(c.Log), k, row.FirstOf(row.PageNo(c.Log.Head.Pos)))
	}
}

// dropPage forgets when the messages of a page expire.
func (r *rows) dropPage(key string) {
	p := tablesOf(r.hidden).pages.get(&r.reader, []byte(key))
	log, no, ok := row.ParsePage(key)
	if !ok {
		check(rowError([]byte(key), row.ErrCorruptRow))
	}
	if p != nil {
		r.dropDues(*p, log, row.FirstOf(no))
	}
}

func (r *rows) dropDues(p row.Page, log fold.Key, first fold.Pos) {
	err := p.Expiring(log, first, func(at events.Time, pos fold.Pos) {
		tablesOf(r.hidden).dues.remove(&r.reader, row.AppendDue(nil, at, log, pos))
	})
	if err != nil {
		check(rowError(row.AppendPage(nil, log, row.PageNo(first)), err))
	}
}
