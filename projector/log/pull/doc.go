// Package pull reads what a JetStream stream holds: all of it, in order, whatever
// was stored.
//
// # Why not the client library's consumers
//
// A pull consumer answers with stored messages and with its own control messages
// in the same inbox. The client library distinguishes them by their headers: what
// has a header Status and no payload is taken for a control message. Whoever may
// publish to a stream writes such headers too, and what they store is then never
// delivered, and nothing behind it. Here a stored message is known by the reply
// subject that the server gives it,
//
//	$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>[.<token>]
//
// with the name of this reading's own consumer in it, which nobody can guess. A
// publisher has no say in that. Headers are never looked at to decide anything
// about a stored message.
//
// # The loop
//
//	until the context ends, or the handler says so:
//	    make a consumer that begins behind the last message handled:
//	        no acknowledgements, in memory, one replica
//	    keep two requests at the server, each bounded by messages and by bytes
//	    hand over what is delivered; a gap in the consumer's own count is a loss
//	    when nothing is heard for some heartbeats, the connection was made again,
//	        or the server ends the consumer: begin again
//	remove the consumer
//
// A message larger than a request's bound is asked for alone, without one.
//
// # What it relies on of nats-server
//
// That is checked against the pinned version by this package's tests:
//
//   - the reply subject of a delivered message, as above;
//   - that control messages come to the subject of the request that they are
//     about, with no reply subject;
//   - the status 100 of a heartbeat, 408 of a request that has expired, 409 with
//     the description "Message Size Exceeds MaxBytes" of one that is ended by its
//     bound (with any other description the consumer is made again, and a single
//     message asked for), 503 where no consumer listens;
//   - that a request that has got all its messages ends without a word, or with a
//     409 and the description "Batch Completed" that comes behind them, and that
//     requests are served in turn;
//   - the words "Permissions Violation for Publish to" and "for Subscription to"
//     with the subject, by which a missing permission is known.
package pull
