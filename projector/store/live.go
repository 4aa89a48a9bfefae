package store

// live are the rows of one part of a table that were asked for since the last commit, to be
// found by their keys: as most commits are of few commands and some of very many, it takes
// what it needs, and keeps that for the next ones.
type live[R any] struct {
	rows  []*entry[R] // in the order in which they came; beyond its length there may be some to be used again
	slots []uint32    // 0, or the place in rows, from 1 on, at the hash or behind it; a power of two of them
}

// find returns the row with a key, nil if there is none.
func (l *live[R]) find(hash uint64, key []byte) *entry[R] {
	if len(l.rows) == 0 {
		return nil
	}
	mask := uint64(len(l.slots) - 1)
	for i := hash & mask; l.slots[i] != 0; i = (i + 1) & mask {
		if e := l.rows[l.slots[i]-1]; e.hash == hash && e.key == string(key) {
			return e
		}
	}
	return nil
}

// add enters a row, which is not there.
func (l *live[R]) add(hash uint64, key string) *entry[R] {
	n := len(l.rows)
	if 2*(n+1) > len(l.slots) {
		l.slots = make([]uint32, max(16, 2*len(l.slots)))
		for i, e := range l.rows {
			l.enter(e.hash, i)
		}
	}
	if n < cap(l.rows) {
		l.rows = l.rows[:n+1]
	} else {
		l.rows = append(l.rows, nil)
	}
	if l.rows[n] == nil {
		l.rows[n] = new(entry[R])
	}
	l.enter(hash, n)
	e := l.rows[n]
	e.key, e.hash = key, hash
	return e
}

func (l *live[R]) enter(hash uint64, at int) {
	mask := uint64(len(l.slots) - 1)
	i := hash & mask
	for l.slots[i] != 0 {
		i = (i + 1) & mask
	}
	l.slots[i] = uint32(at + 1)
}

// clear forgets the rows. What many of them took is given up.
func (l *live[R]) clear() {
	if cap(l.rows) > keptRoom {
		*l = live[R]{}
		return
	}
	if few := len(l.slots) / 8; len(l.rows) > few {
		clear(l.slots)
	} else {
		mask := uint64(len(l.slots) - 1)
		for _, e := range l.rows {
			for i := e.hash & mask; l.slots[i] != 0; i = (i + 1) & mask {
				l.slots[i] = 0
			}
		}
	}
	for _, e := range l.rows {
		*e = entry[R]{}
	}
	l.rows = l.rows[:0]
}
