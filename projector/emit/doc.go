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
// # Rounds
//
//	loop:
//	    backlog += what the commands up to A have touched since the last round
//	    rows    := snapshot of the rows at A
//	    send some refusals, some receipts, and to some of those who wait, by name,
//	        the conversations with a version after all that the user was told
//	    each message says: all events up to E are stored
//
// E is where the round before the oldest one with something left in the backlog, or
// on its way, came to. When no event comes for a while, a message that tells
// nothing else says what is stored since. The fold only adds to the marks, which
// are bounded by the users and groups touched; it never waits for the emitter.
//
// # Who waits for whom
//
// A command that touches few has them told promptly. The users of one that touches
// many (a join, a dismissal, a message to many members or watchers) are a list in
// the backlog, of which each round tells some, in turn with other lists. A round
// is bounded by the rows that it looks at, so that neither waits for long, and
// what is told in bulk stops while much is on its way, so that what comes next
// does not stand behind it. A user with a long list of conversations is read
// aside, by a goroutine with a snapshot of its own, and told of in parts; marks of
// that user merge meanwhile. Such an event shows an older state than those around
// it, and says so.
//
// Whoever is told is told of everything, so the lists are searched for the user
// first; and a list skips whoever was told since its command.
//
// A group larger than the fan-out limit has its watchers told. They are found by
// group: the groups of a watcher are read when the watch begins, and each join
// adds to them.
//
// # Fencing
//
// Of several emitters of a stream one writes. No message bears its author's rank,
// and no server chooses who it is: the stream's own order does. Every message names
// the sequence that it expects to be the last one (Nats-Expected-Last-Sequence), so
// it is stored in the one place that it was made for, or nowhere. That alone does
// not part two writers with many messages on their way: the second one's may fit
// behind the first one's. So
//
//   - an emitter has Window messages on their way at most, each for another place
//     behind all that it knew to be stored; one that is refused gets a new place
//     only when another message was seen in the old one
//   - whoever takes over writes a fence first: Window messages that tell nothing and
//     that the server does not republish. Once the first one is stored and the stream
//     is longer by as many, with no message of another emitter between, the places of
//     all that any other has on its way are taken (package sim tries that with any
//     window and order; with a fence of one message less it finds an event that is
//     told twice)
//   - an emitter that finds another one's message where its own should be stands by
//
// An emitter begins standing by, and takes over only when there is something to tell
// and the end of the stream has stood still for Takeover: a second emitter never takes
// the stream from one that lives. One that is asked to end writes a farewell when all
// that it has sent is stored; behind that, and in an empty stream, nobody has
// anything on its way, and the next emitter needs one message instead of a fence,
// and waits for nothing. Nor does one that starts in the folder of the one that wrote
// last, as after a crash: that one has ended.
//
// The header Nats-Expected-Last-Msg-Id, which would chain messages without a fence,
// is not used: in a stream with replicas nats-server 2.15.2 stops for ever on the
// first one that does not hold.
//
// What is on its way is not told: a foreign message may take the place of one
// while those behind it are stored. So of each user one change is on its way at a
// time, and of each user and peer one receipt, and a message says only of what is
// stored already, or comes with it, that it is told.
//
// # Whose events they are
//
// A message's id (Nats-Msg-Id) is its seal: an HMAC of the message and of its
// place in the stream, with a key that all emitters of the stream have. A message
// without a true seal is foreign, and so is a copy of an event at another place.
// Foreign messages are counted, named in the log, and skipped: they say nothing
// of what was told, and are no rival. What is on its way when one comes in between
// goes to the places behind it, at once.
//
// The key is drawn by who makes the stream and lies in the stream's metadata, so
// two emitters have it in common, and a restored stream brings it along. A stream
// of an older reddot gets one when it is opened; its key says from which sequence
// on events have seals, and those before it are taken at their word. After a time
// with an older reddot again, what that one has stored is foreign.
//
// This keeps who may only publish to the stream's subjects from stopping, lagging
// or misleading an emitter. It does not protect from who can read the key: by
// the JetStream API ($JS.API.STREAM.INFO, or a subscription to its replies or to
// $JS.EVENT.ADVISORY.API) or from the server's files; nor from who has all rights
// on the server. Who may also listen on the stream's subjects, so to what is on
// its way and not stored yet, can only send it once more: it is taken in its place,
// where it belongs, or nowhere. And a seal is for
// emitters only: the server republishes foreign messages to listeners, who can't
// tell. So nobody but reddot should be permitted to publish there.
//
// # After a crash
//
// The last message of the event stream tells up to where all events are
// stored (E) and from where on lies what was told of later commands. A new emitter
// marks what the commands after E touch, leaves out what is stored of it already,
// and goes on. What neither rows nor commands can tell
// again, refusals and dismissed or erased conversations, lies in the store's
// outbox until E has passed it.
//
// If the bounds of the event stream have pushed out some of what was told after E,
// those users are told the same state again. If the
// last event itself is gone, listeners may have been shown anything that the log
// holds: the new emitter waits until its store has applied that much, so that no
// version goes backward.
package emit
