// Package log is the command stream as a projection reads it: whole and in order, or
// not at all.
//
//	log       what is asked of it: whose it is, whether it still is the log of a store
//	range     its first and last command, and when a command was taken in
//	leader    its newest command, on the word of the stream's leader
//	find      opens or creates its stream
//	config    how its stream must be configured
//	identity  which log it is, also after it was restored from a backup
//	reader    reads it in batches
//	files     reads it past the NATS server, where that is in this process
//	intake    the batches between the reader and who folds them
//	stall     finds out that the stream does not send what it has
//	gap       what is done where a command is missing
//	skip      commands that the operator has named to be passed over
//	truncate  finds out that it lost its end
//	fill      fills that up, so that no seq is given twice
//	pull      how messages come from any stream; a package of its own
//
// # The log must be whole
//
// A projection of a log with a hole would be wrong for ever, so the sequence of every
// command is checked. On a hole the stream is read again, as another replica may be
// whole, then the command is asked for by itself; if it is still not there, the reader
// ends with an [ErrNotWhole] that names the seq. It passes over no command but one that
// the operator has named ([Log.Skip]) and that can't be read. A store's position knows
// those, so that every store of the log does the same ([Log.Passed]). [Log.Check] checks
// that the stream is still the same one, configured as a log must be, no shorter than
// what was applied, and that it holds at the applied seq the very command that was
// applied.
//
// # A log that was restored
//
// A log is known by what it holds, not by when its stream was made: NATS's own tools
// make a new stream when they restore it. When the log was begun stands in the stream's
// metadata, which a backup has too; a stream without it is taken for the log of a store
// whose last command it holds at the same seq.
//
// # A log that lost its end
//
// The log and what is derived from it reach the disk each for itself, so a power cut may
// leave a log that lacks commands from which something is derived. [Log.FindTruncation]
// finds that, before anybody may publish; [Log.Fill] makes it possible to go on with
// what is left.
package log
