// Package emit notifies listeners of what changed.
//
// # What it promises
//
// An event carries state, not deltas: a user's changed conversations with the
// totals that belong to them, as they stand at one applied seq. Changes that
// come faster than they can be sent merge; the last one is always sent. No
// version goes backward, no event is stored twice, and an event is heard by
// plain subscribers only once it is stored.
//
// # Rounds
//
//	loop:
//	    backlog += what the commands up to A have touched since the last round
//	    rows    := snapshot of the rows at A
//	    send some refusals, some receipts, and to some of those who wait, by name,
//	        the conversations with a version after all that the user was shown
//	    each message says: all events up to E are stored
//
// E is where the round before the oldest one with something left in the backlog, or
// on its way, came to. When no event comes for a while, a message without
// one says what is stored since. The fold only adds to the dirty set (package dirty);
// it never waits for the emitter.
//
// # Who waits for whom
//
// A command that touches few has them notified promptly. The users of one that touches
// many (a join, a dismissal, a message to many members or watchers) are a list in
// the backlog, of which each round notifies some, in turn with other lists. A round
// is bounded by the rows that it looks at, so that neither waits for long, and
// what is emitted in bulk stops while much is on its way, so that what comes next
// does not stand behind it. A user with a long list of conversations is read
// aside, by a goroutine with a snapshot of its own, and notified in parts; what
// else changes for that user merges meanwhile. Such an event shows an older state than
// those around it, and says so.
//
// Whoever is notified is notified of everything, so the lists are searched for the user
// first; and a list skips whoever was notified since its command.
//
// A group larger than the fan-out limit has its watchers notified. They are found by
// group: the groups of a watcher are read when the watch begins, and each join
// adds to them.
//
// # Held back
//
// Who writes in bulk may have change events and receipts held back for a while: then
// the dirty set is left where it merges, and only refusals are emitted. The stream
// hears now and then that the emitter lives. Nothing is kept but in memory: what is
// held back is not emitted, as if it had not been its turn yet.
//
// # Taking turns
//
// Of several emitters of a stream one writes: package journal fences the others off
// and sees to it that nothing is stored twice.
//
// An emitter begins standing by, and takes over only when there is something to emit
// and the end of the stream has stood still for Takeover: a second emitter never takes
// the stream from one that lives. Behind the farewell of one that was asked
// to end, and in an empty stream, the next one waits for nothing. Nor does one that
// starts in the folder of the one that wrote last, as after a crash: that one has
// ended.
//
// What is on its way is not emitted: a foreign message may take the place of one
// while those behind it are stored. So of each user one change is on its way at a
// time, and of each user and peer one receipt, and a message says only of what is
// stored already, or comes with it, that it is emitted.
//
// # After a crash
//
// The last message of the event stream says up to where all events are
// stored (E) and from where on lies what was emitted of later commands. A new emitter
// enters what the commands after E touch, leaves out what is stored of it already,
// and goes on. What neither rows nor commands can
// show again, refusals and dismissed or erased conversations, lies in the store's
// outbox until E has passed it.
//
// If the bounds of the event stream have pushed out some of what was emitted after E,
// those users are shown the same state again. If the
// last event itself is gone, listeners may have been shown anything that the log
// holds: the new emitter waits until its store has applied that much, so that no
// version goes backward.
//
// # The files
//
//	emitter.go standby.go resume.go   who emits: standing by, taking over, going on
//	round.go notify.go aside.go       a round, and a user's turn in it
//	backlog.go due.go lot.go          who waits to be notified, one by one and in lists
//	elevator.go                       in which order
//	change.go receipt.go author.go refusal.go   what an event shows
//	event.go flight.go progress.go    an event on its way, and what the stream says is emitted
//	watch.go hold.go                  who is notified of large groups; events that are held back
//
// Packages dirty (what changed) and journal (how events are stored) know nothing of
// it.
package emit
