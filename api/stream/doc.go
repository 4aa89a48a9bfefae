// Package stream tells clients what happens to users, as it happens: over server-sent
// events, or to who polls. It hears the events that are stored, and reads states from a
// [Source]; it knows neither the projection nor the routes of HTTP.
//
// # What it promises
//
// A client has a cursor: what it was told. Who applies everything that was told up to a
// cursor, and then everything of a stream that is opened with it, has what the queries
// answer, and no version goes backward. Nothing is kept for that: what has changed since a
// cursor is read from the state, so a cursor never expires. One that can't be gone on from
// (another log, rows that are gone, none that was given) is answered with a reset and the
// whole state.
//
// # A stream
//
//	open     in its place: so many in all, so many of a user, the oldest goes
//	enter    from here on the user's events wait for it
//	checked  what the cursor names is applied here, or it is no cursor
//	hello    the head of the answer, before anything is read
//	resume   one read of the state, at a seq A: told is all up to A
//	         reset?, change ..., receipts ..., live
//	loop     events that wait, but for those that A shows; a ping in silence; bye
//
// Events wait in a queue for each member (a user on a stream), as pointers to bytes that
// are encoded once for all. Where too many wait they are dropped, and the member is behind:
// when the client takes bytes again it is told its whole state, so the last value always
// comes and memory is bounded. Where an event may be missing (each names the one before it,
// and a connection may be lost) the state is read once more, from what was told: that costs
// a read and shows as an ordinary change.
//
// # Cursors
//
// <epoch>.<changes>.<receipts>: a log, and up to which of its seqs changes and receipts are
// told. Changes of one user are stored in order. Receipts are not, as each peer's has its
// own way to the event stream; so that place is the seq up to which the emitter says that
// everything is stored, and a receipt may be told again after a cut.
//
// # Where is what
//
//	hub.go      the hub: its bounds, its beginning and its end
//	hear.go     the subscription, and events that come; frame.go an event as all have it
//	queue.go    what waits for whom
//	conn.go     a stream and its members, and how many there may be
//	resume.go   a state as it is told; budget.go how much memory that may take
//	tell.go     what a stream is told next, and how it ends
//	sse.go poll.go   as server-sent events; as the answer to a poll
//	wire.go cursor.go   the shapes of events
//	gateway.go  the streams of back ends, each of many users
//	feed.go filter.go   every stored event of everybody
//	watch.go    watches of large groups
//	metrics.go  for Prometheus
package stream
