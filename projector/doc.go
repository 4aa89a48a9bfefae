// Package projector turns the command stream into the projection that reddot
// answers from, and into the events it emits. It is the heart of reddot; the
// packages below it are its parts:
//
//	log    the command stream, read whole and in order or not at all
//	fold   what a command does to the rows: pure, no I/O
//	store  the rows in Pebble, with the position they stand for
//	view   what users are shown, computed from rows: pure
//	emit   change events, receipts and refusals to the event stream
//	peers  the reddots of one log know of each other
//	twin   the rules once more, dumb: what tests compare with
//
// # The loop
//
//	reader:   for each message of the stream: decode it into the filling batch
//	fold:     for each batch:
//	              for each command: its seq must be applied+1; fold it; mark what it touched
//	              commit rows and position in one Pebble batch
//	              wake who waits for a seq; hand the marks to the emitter
//	emitter:  see package emit
//
// # What a crash leaves
//
// Some earlier commit, whole. The stream is the write-ahead log: folding goes
// on after the position that the store holds, and gives the same rows again.
//
// # A store can be replaced
//
// [Projector.Rebuild] builds a new store from the log beside the one in use.
// Close behind, folding is held, the new store catches up, and takes the old
// one's place at an equal position: readers and the emitter, who ask for a
// snapshot of whichever store is current, notice nothing. A store that is
// missing, damaged or of an older format when [Open] looks for it is begun anew
// in the same way, from a snapshot if there is one. Damage found later ends
// [Projector.Run] with store.ErrCorrupt; the next Open finds no store.
//
// # The log must be whole
//
// See package log, which reads it, and refuses to go on where it is not.
//
// # Standing still
//
// [Projector.Ready] says whether everything moves: the connection, the reader, the
// fold, the emission, the watch over the stream. [Projector.Fresh] says whether
// what is shown is nearly the newest state; nothing else may be answered. Both take
// the word of the stream's leader for how far it is, some times a second.
//
// # Answers never go backward
//
// Several reddots may answer from one log, each at its own pace, and one of them may
// have stood still for a while. No answer shows a state older than what any of them
// has answered or told before the question came: [Projector.Newest] asks the
// stream's leader for its end, after the question came, and waits until that is
// applied. One request is under way at a time, for all who wait. If the leader does
// not say, there is no answer. See log.Log.Newest for what is left to a leader's word.
//
// A reddot that is alone need not ask; see alone for how it knows, and settling for
// what another one that starts waits for until it shows anything.
//
// # A log that lost its end
//
// Is found before anybody can publish, see [FindTruncation], and stops the program. It
// goes on with what is left only if it is told to, see [AcceptTruncation].
package projector
