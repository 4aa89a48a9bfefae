package fold

import "reddot/events"

// notLater returns the cursor at the last message after floor whose time is
// not later than t, or the zero cursor (rule read-time). Times need not be in
// order: whole blocks whose least time is later are skipped.
func (s *step) notLater(lk Key, log *Log, floor Pos, t events.Time) Cursor {
	if log.Head.Pos > 0 && log.Last.Pos == log.Head.Pos && log.Last.At <= t {
		return log.Head
	}
	for p := log.Head.Pos; p > floor; {
		block := blockOf(p)
		first := Pos(block*BlockSize) + 1
		if s.span(lk, log, block).Least <= t {
			for q := p; q >= first && q > floor; q-- {
				if m := s.Message(lk, q); m.At <= t {
					return Cursor{q, m.Ord}
				}
			}
		}
		p = first - 1
	}
	return Cursor{}
}

// firstLater returns the position of the first message after floor and before end
// whose time is later than t, or 0. Whole blocks with none are skipped.
func (s *step) firstLater(lk Key, log *Log, floor, end Pos, t events.Time) Pos {
	for p := floor + 1; p < end; {
		block := blockOf(p)
		next := Pos((block+1)*BlockSize) + 1
		if s.span(lk, log, block).Greatest > t {
			for q := p; q < min(next, end); q++ {
				if s.Message(lk, q).At > t {
					return q
				}
			}
		}
		p = next
	}
	return 0
}

func blockOf(p Pos) uint64 { return (uint64(p) - 1) / BlockSize }

// span is what is known of the times in a block.
func (s *step) span(lk Key, log *Log, block uint64) Span {
	if block == blockOf(log.Head.Pos) {
		return log.Block
	}
	return s.TimeBlock(lk, block)
}
