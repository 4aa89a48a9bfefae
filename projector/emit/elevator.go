package emit

import "slices"

// elevator is what waits, in an order by name: all that waits is passed once in that order,
// first one of each name, then the second of each that has more, and so on; then all that has
// come meanwhile. So nothing waits for more than is before it and one pass, and what lies
// side by side in files is looked up side by side: users' rows in the store, and in the event
// stream the last event of the same subject, which the server looks up for each that it
// republishes. It keeps the whole file in memory for ten seconds after a look-up: with look-ups
// anywhere any file, however long a pass takes, and with those of one name next to each other
// each file that is written.
//
// Source: the elevator algorithm of disk scheduling, one way.
type elevator[T any] struct {
	compare func(a, b T) int // the names of both
	waiting []T              // for the pass after this one
	pass    []T              // what is left of this one
}

func (e *elevator[T]) add(t T) { e.waiting = append(e.waiting, t) }

func (e *elevator[T]) len() int { return len(e.waiting) + len(e.pass) }

// next takes the next one off.
func (e *elevator[T]) next() (t T, ok bool) {
	if len(e.pass) == 0 {
		e.pass, e.waiting = e.inTurn(e.waiting), nil
	}
	if len(e.pass) == 0 {
		return t, false
	}
	t, e.pass[0] = e.pass[0], t // and nothing holds it any more
	e.pass = e.pass[1:]
	return t, true
}

// inTurn sorts what waits: first one of each name, then the second of each that has more, and
// so on.
func (e *elevator[T]) inTurn(all []T) []T {
	slices.SortStableFunc(all, e.compare)
	var turns [][]T
	turn := 0
	for i, t := range all {
		if turn++; i == 0 || e.compare(all[i-1], t) != 0 {
			turn = 0
		}
		if turn == len(turns) {
			turns = append(turns, nil)
		}
		turns[turn] = append(turns[turn], t)
	}
	return slices.Concat(turns...)
}
