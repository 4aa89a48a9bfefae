package main

import (
	"io"
	"sync/atomic"

	"reddot/snapshot"
)

// bar is the progress of something that tells how far it is.
type bar struct {
	*progress
	task *taskGauge
}

// taskGauge is the gauge of a bar.
type taskGauge struct {
	unit string // what is done, as in "commands folded"
	all  atomic.Int64
	done atomic.Int64
}

func (g *taskGauge) total() int64  { return g.all.Load() }
func (g *taskGauge) at() int64     { return g.done.Load() }
func (g *taskGauge) count() int64  { return g.done.Load() }
func (g *taskGauge) words() string { return ofTotal(g.at(), g.total(), g.unit) }

// newBar starts a bar of total units; 0: not known.
func newBar(out io.Writer, unit string, total uint64) *bar {
	b := &bar{task: &taskGauge{unit: unit}}
	b.total(total)
	b.progress = startProgress(out, b.task)
	return b
}

// set tells how many units are done.
func (b *bar) set(done uint64) { b.task.done.Store(int64(done)) }

// total tells how many units there are; 0: not known.
func (b *bar) total(total uint64) {
	if total == 0 {
		b.task.all.Store(-1)
		return
	}
	b.task.all.Store(int64(total))
}

// read shows how far a snapshot is read.
func (b *bar) read(p snapshot.Progress) {
	if p.Step == snapshot.StepRead {
		b.total(p.Total)
		b.set(p.Done)
	}
}
