package emit

import "sync/atomic"

// Figures are what an emitter has done since it was made.
type Figures struct {
	Changes, Receipts, Rejected uint64 // events written
	Rounds                      uint64
	Looks, Rows                 uint64 // at users who may have to be notified, and the rows of their lists
	Reads                       uint64 // grows while long lists are read
	Heard                       uint64 // grows while another emitter emits
}

// Figures is safe for concurrent use.
func (e *Emitter) Figures() Figures {
	f := &e.figures
	return Figures{
		Changes: f.changes.Load(), Receipts: f.receipts.Load(), Rejected: f.rejected.Load(),
		Rounds: f.rounds.Load(), Looks: f.looks.Load(), Rows: f.rows.Load(),
		Reads: f.reads.Load(), Heard: f.heard.Load(),
	}
}

// figures are what an emitter counts.
type figures struct {
	changes, receipts, rejected, rounds, looks, rows, reads, heard atomic.Uint64
}
