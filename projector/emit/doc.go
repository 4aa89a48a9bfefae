// Package emit tells listeners what changed.
//
// # What it promises
//
// An event carries state, not deltas: a user's changed conversations with the
// totals that belong to them, as they stand at one applied seq. Changes that
// come faster than they can be sent merge; the last one is always sent. No
// version goes backward, no event is stored twice, and an event is heard by
// plain subscribers only once it is stored.
//
// # Generations
//
//	loop:
//	    marks, A := what the commands since the last generation touched
//	    rows     := snapshot of the rows at A
//	    send rejections, then receipts, then for each touched user, by name,
//	        the conversations with a version after the last generation's A
//	    the last message says: all events up to A are stored
//
// The fold only adds to the marks, which are bounded by the users and groups
// touched; it never waits for the emitter.
//
// # Fencing
//
// Every message names the sequence that it expects to be the last of the
// event stream. So there is one writer: when another has written, this one's
// messages are refused, and it stands by. Standing by, it looks at the end of
// the stream and takes over when the other has stopped moving although there
// is something to tell.
//
// # After a crash
//
// The last message of the event stream tells up to where all events are
// stored (E) and where its unfinished generation began. A new emitter marks
// what the commands after E touch, leaves out what the unfinished generation
// had already stored, and goes on. What neither rows nor commands can tell
// again, refusals and dismissed or erased conversations, lies in the store's
// outbox until E has passed it.
//
// If the bounds of the event stream have pushed out what the unfinished
// generation stored first, those users are told the same state again. If the
// last event itself is gone, listeners may have been shown anything that the log
// holds: the new emitter waits until its store has applied that much, so that no
// version goes backward.
package emit
