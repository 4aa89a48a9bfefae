package snapshot

import (
	"context"
	"time"
)

const (
	// lookEvery is how often a Scheduler looks whether a snapshot is due.
	lookEvery = time.Second
	// After a failure the next attempt is made after retryFirst, and after each
	// further one after twice as long, up to retryLast.
	retryFirst = 10 * time.Second
	retryLast  = 10 * time.Minute
)

// schedule says when the next automatic snapshot is due.
type schedule struct {
	s      *Scheduler
	began  time.Time
	retry  time.Duration // 0: the last attempt succeeded
	resume time.Time     // not before
}

// look finds the newest snapshot that is there already.
func (n *schedule) look(ctx context.Context) {
	entries, err := n.s.cfg.Repository.List(ctx)
	if err != nil {
		n.s.log.Warn("the snapshots cannot be listed; the next one is due as if there were none", "error", err)
		return
	}
	for _, e := range entries {
		if m := e.Manifest; m != nil && m.Stream.Equal(n.s.cfg.Stream) {
			n.s.change(func(f *Figures) { f.Seq, f.Taken, f.Bytes = m.Seq, m.Taken, m.Bytes })
			return
		}
	}
}

// due reports whether a snapshot is due.
func (n *schedule) due(now time.Time) bool {
	f, applied, cfg := n.s.Figures(), n.s.cfg.Source.Applied(), &n.s.cfg
	if applied <= f.Seq || now.Before(n.resume) {
		return false
	}
	last := f.Taken
	if f.Seq == 0 {
		last = n.began
	}
	byNumber := cfg.EveryCommands > 0 && uint64(applied-f.Seq) >= cfg.EveryCommands
	byTime := cfg.Every > 0 && now.Sub(last) >= cfg.Every
	return byNumber || byTime
}

// attempted notes how an attempt ended.
func (n *schedule) attempted(err error, now time.Time) {
	if err == nil {
		n.retry, n.resume = 0, time.Time{}
		return
	}
	n.retry = min(max(2*n.retry, retryFirst), retryLast)
	n.resume = now.Add(n.retry)
}
