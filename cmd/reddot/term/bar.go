package term

import (
	"io"
	"sync/atomic"
)

// Bar is the progress of something that is counted. It is safe for concurrent
// use, but for Finish.
type Bar struct {
	*Progress
	task *task
}

// StartBar begins to show on out how many of total units are done; 0: it is not
// known how many there are. unit says what is done, as in "commands folded".
func StartBar(out io.Writer, unit string, total uint64) *Bar {
	b := &Bar{task: &task{unit: unit}}
	b.SetTotal(total)
	b.Progress = Start(out, b.task)
	return b
}

// Set says how many units are done.
func (b *Bar) Set(done uint64) { b.task.done.Store(int64(done)) }

// SetTotal says how many units there are; 0: not known.
func (b *Bar) SetTotal(total uint64) {
	if total == 0 {
		b.task.all.Store(-1)
		return
	}
	b.task.all.Store(int64(total))
}

// task is the gauge of a bar.
type task struct {
	unit string
	all  atomic.Int64 // -1: not known
	done atomic.Int64
}

func (t *task) Total() int64  { return t.all.Load() }
func (t *task) At() int64     { return t.done.Load() }
func (t *task) Count() int64  { return t.done.Load() }
func (t *task) Words() string { return OfTotal(t.At(), t.Total(), t.unit) }
