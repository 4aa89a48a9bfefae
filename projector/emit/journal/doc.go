// Package journal is the event stream as its writers see it: a journal to which one
// of them at a time appends, each message once.
//
// # What it promises
//
// Of several writers that are there, one has its messages stored; the others find
// out ([ErrFenced]). A message that [Writer.Send] was given is stored once, however
// often the server, the connection or an acknowledgement is lost; that of a writer
// which is fenced meanwhile, once or never. In which order messages are stored that
// are on their way together is not promised: a foreign one may take the place of one
// while those behind it are stored.
//
//	j := journal.New(...)
//	end := j.End()                      who wrote last, and what that said
//	end, err := j.Claim(end)            a fence: nothing of another writer is stored any more
//	j.Read(...)                         what the writer before had stored and not counted
//	w := j.Writer(end, stored, restate)
//	w.Send(message, parcel) ...         parcel.Landed(), stored() when it is stored
//	w.Finish()
//
// What a message carries, and when to take over, is package emit's.
//
// # Fencing
//
// Of several writers of a stream one writes. No message bears its author's rank,
// and no server chooses who it is: the stream's own order does. Every message names
// the sequence that it expects to be the last one (Nats-Expected-Last-Sequence), so
// it is stored in the one place that it was made for, or nowhere. That alone does
// not part two writers with many messages on their way: the second one's may fit
// behind the first one's. So
//
//   - a writer has Window messages on their way at most, each for another place
//     behind all that it knew to be stored; one that is refused gets a new place
//     only when another message was seen in the old one
//   - whoever takes over writes a fence first: Window messages without an event,
//     which the server does not republish. Once the first one is stored and the stream
//     is longer by as many, with no message of another writer between, the places of
//     all that any other has on its way are taken (package sim tries that with any
//     window and order; with a fence of one message less it finds an event that is
//     stored twice)
//   - a writer that finds another one's message where its own should be writes no more
//
// A writer that is asked to end writes a farewell when all that it has sent is stored
// ([HeaderEnds]); behind that, and in an empty stream, nobody has anything on its way,
// and the next writer needs one message instead of a fence.
//
// The header Nats-Expected-Last-Msg-Id, which would chain messages without a fence,
// is not used: in a stream with replicas nats-server 2.15.2 stops for ever on the
// first one that does not hold.
//
// # Whose events they are
//
// A message's id (Nats-Msg-Id) is its seal: an HMAC of the message and of its
// place in the stream, with a key that all writers of the stream have. A message
// without a true seal is foreign, and so is a copy of an event at another place.
// Foreign messages are counted, named in the log, and skipped: they say nothing
// of what was emitted, and are no rival. What is on its way when one comes in between
// goes to the places behind it, at once.
//
// The key is drawn by who makes the stream and lies in the stream's metadata, so
// two writers have it in common, and a restored stream brings it along. A stream
// of an older reddot gets one when it is opened; its key says from which sequence
// on events have seals, and those before it are taken at their word. After a time
// with an older reddot again, what that one has stored is foreign.
//
// This keeps who may only publish to the stream's subjects from stopping, lagging
// or misleading a writer. It does not protect from who can read the key: by
// the JetStream API ($JS.API.STREAM.INFO, or a subscription to its replies or to
// $JS.EVENT.ADVISORY.API) or from the server's files; nor from who has all rights
// on the server. Who may also listen on the stream's subjects, so to what is on
// its way and not stored yet, can only send it once more: it is taken in its place,
// where it belongs, or nowhere. And a seal is for
// writers only: the server republishes foreign messages to listeners, who can't
// see which they are. So nobody but reddot should be permitted to publish there.
//
// # What a crash leaves
//
// The messages that were on their way: each is stored, or will be, or is not. The
// fence of the next writer is behind all of them.
package journal
