// Package projector turns the command stream into the projection that reddot
// answers from, and into the events it emits. It is the heart of reddot: it opens
// the stream and the store, and runs what the packages below it do.
//
// # Where something lives
//
//	a rule of counting                  fold, in the file that its doc names for the rule
//	who may have to be notified         fold (Effects), merged by dirty
//	the step from command to commit     loop
//	how commands are read               log; log/pull reads any stream
//	a command that is missing           log: gap, skip; a lost end: truncate, fill
//	a row's key and bytes               store/row; what is kept of it in memory: store/cache
//	which store is in use               loop (swap), store/generation (on disk)
//	what users are shown                view
//	which events are due, and when      emit
//	the event stream: fences and seals  emit/journal
//	a query's answer                    view, through View here; api names and serves it
//	whether an answer may be given      here: health, lateness, readindex, alone, settling
//	the other reddots of the log        peers
//	when messages expire                here: clock
//	a build beside the store in use     here: rebuild; loop.Build folds
//	who gets the processors             yield
//
// And the tests:
//
//	of a rule                           projector/twin has the rules once more, dumb;
//	                                    store and sim compare with it
//	of a fault, in any order            sim: crashes, lost messages, several processes
//	of a fault at every write           store (crash, swap), snapshot
//	of a real NATS server               here: a story in testdata is a scenario;
//	                                    log/pull: what a stream may hold
//	what tests share                    testkit, storetest
//
// # The loop
//
//	reader:   for each message of the stream: decode it into the filling batch
//	fold:     for each batch:
//	              for each command: its seq must be applied+1; fold it, many at a time
//	                  by shards; enter what it changed into the dirty set
//	              commit rows and position in one Pebble batch
//	              wake who waits for a seq; hand the dirty set to the emitter
//	emitter:  see package emit
//
// Package loop has the steps, and what holds between them.
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
// one's place at an equal position: readers and the emitter, who ask the loop for a
// snapshot of whichever store is in use, notice nothing. A store that is
// missing, corrupt or of an older format when [Open] looks for it is built from
// scratch in the same way, from a snapshot if there is one. Corruption found later
// ends [Projector.Run] with store.ErrCorrupt; the next Open finds no store.
//
// # A log that is not whole
//
// Is not folded: see package log. That it lost its end is found before anybody can
// publish, see [FindTruncation], and stops the program. It goes on with what is left
// only if the operator says so, see [AcceptTruncation].
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
// has answered or emitted before the question came: [Projector.Newest] asks the
// stream's leader for its end, after the question came, and waits until that is
// applied. One request is under way at a time, for all who wait. If the leader does
// not say, there is no answer. See log.Log.Newest for what is left to a leader's word.
//
// A reddot that is alone need not ask; see alone for how it knows, and settling for
// what another one that starts waits for until it shows anything.
package projector
