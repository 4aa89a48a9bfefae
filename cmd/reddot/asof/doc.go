// Package asof derives a past state: the store as it was after the command at a seq.
//
// The log is the truth, so any state that it leads to can be had again: the log is folded
// into a scratch store, from its start or from a snapshot on, by the same fold as the
// server's.
//
//	Fold(seq):  the best snapshot that is valid, of this log, derived from its commands
//	            and not behind seq, or an empty store where the log begins at seq 1
//	            → loop.Build up to seq
//
// "show --at" wants it soon and begins with the newest snapshot; "verify" wants as much
// of the log read as there is and begins with the oldest (Source.Oldest). A Point names
// the state by a seq or by a time; Compare folds and says how a state differs from what
// the log says: by digest, and where there is a snapshot of it, row by row.
//
// Nothing is stored but scratch stores in folders of the caller's, and nothing emitted.
// Errors are for who asked, on a command line or over HTTP; those that say that no
// state of the log is meant are an OutsideError.
package asof
