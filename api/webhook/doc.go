// Package webhook tells back ends of events over HTTP: signed requests to the endpoints
// of a file, retried until they are taken.
//
// # What it promises
//
// An endpoint is told the newest state of each thing that has changed, at least once; a
// crash of reddot or of the NATS server loses nothing. What it is told of one user comes
// in order, one request at a time: while one is on its way, or while the endpoint is away,
// newer events replace what waits, so that an outage leaves one request for a user and not
// a backlog. A receiver may drop what has a version that is not larger than the last.
//
//	event    stored in the event stream, and pulled by the endpoint's durable consumer
//	items    what it says of the badge, of conversations, of receipts
//	offer    into the user's lane: an older item about the same is absorbed, and its event
//	         acknowledged if the newer one shows all that it did
//	take     at most 16 in flight, one of a lane, what is due first
//	send     signed as Standard Webhooks has it
//	finish   2xx: acknowledged. Else it waits for its next step (retry.go), with the newest
//	         state; after the last step it is a dead letter
//
// After ten failures in a row one request per step is sent to see whether the endpoint is
// back; when it is, all that waits is due. An answer 410 pauses the endpoint until a test
// succeeds or the file changes; the consumer's metadata remembers that. No endpoint waits
// for another: each has its own consumer, loop and connections.
//
// # What is told again
//
// An event that the consumer hands out again (a crash, a lost acknowledgement) may be
// older than what was told meanwhile, and a dead letter that is replayed is: then the
// state as it is now is told, asked for like any query ([Asker]). So it is with all events
// that were stored before this process began, as a NATS server that is killed forgets for
// some 100 ms what it has handed out; and with the events that come after that and are not
// newer than a state that was told. So nothing goes backward.
//
// What badge an endpoint was told last of a user is in a stream (memory), since the delta of
// a badge, and whether it rises, must survive a restart. It remembers a million users; of
// one who is not there, and of one whom the endpoint was never told of, delta is the badge.
// A badge that is as it was told is not told, unless another one may have been taken since:
// one that nobody answered for, or that a process before this one had begun to send.
//
// If events have left their stream before an endpoint was told of them, it is told so
// (endpoint.resync): the consumer is handed all events, so a step in their sequence behind
// which the stream begins, or a stream that begins behind the position that is written down,
// shows it.
//
// # Several reddots
//
// One of them delivers to all endpoints: who holds the lease (lease.go). It does not depend
// on who emits, since what waits has to be told also where nothing happens. One that ends
// releases it; one that crashes is followed by the next process in its data folder at once, by
// another one after 9 s. What the one before it was working at is handed out again at once
// (reclaim.go); what that misses, within 30 s. A process that hung stops before another may
// begin, by the time that its own clock has run.
// Each may be asked by an operator: it asks who delivers, over NATS.
//
// # Bounds
//
// 20,000 events and 16 MiB of them for each endpoint wait in memory; then no more are
// fetched, and stay in the stream. 64 endpoints. 100,000 dead letters of each, for 7 days.
//
// # Where nothing is sent
//
// Who writes the file may name any host. What its name resolves to is checked as the
// connection is made: link-local addresses and those where clouds tell machines their
// credentials are refused (dial.go), in all their IPv6 forms. Redirects are not followed.
//
// # The files
//
//	config.go secret.go        the file; signatures
//	news.go item.go            what an event says; what waits
//	schedule.go retry.go       when it is told: without clock and network
//	body.go                    what is told
//	send.go dial.go            a request
//	endpoint.go                an endpoint's loop: events in, by fetch.go; requests out, by outcome.go
//	webhook.go lease.go        all endpoints; which reddot delivers
//	streams.go told.go position.go dead.go   what is kept in NATS
//	reclaim.go                 what a process that is gone has left, at once
//	operate.go metrics.go      what operators see and do
package webhook
