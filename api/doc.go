// Package api answers questions: over NATS as the micro service "reddot"
// ([Service]), and over HTTP for probes and metrics ([HTTP]). It knows the
// projection only as a [Source].
//
// # Queries
//
// One subject a query, <prefix>.api.<user>.<query> and <prefix>.api.status.
// Requests are JSON objects or empty; replies are JSON, or msgpack if the
// request has the header Accept: application/msgpack. Every reply says which
// in Content-Type.
//
//	totals          {kind?, include_muted?}
//	conversations   {unread_only?, kind?, limit?, after?}
//	conversation    {conversation}
//	explain         {conversation, limit?}
//	receipt         {peer}
//	watch           {}
//	status          {}
//
// Each may carry after_seq and timeout_ms: the answer then waits until that
// command is applied (status: applied and emitted), else it is 408. null is
// the same as absent, unknown fields are ignored, anything else that is off is
// a 400 which says what. Names are told apart by case, duplicate names and
// invalid UTF-8 are refused.
//
// An error reply has the headers Nats-Service-Error (one bare word:
// bad_request, not_found, not_applied, unavailable) and
// Nats-Service-Error-Code (400, 404, 408, 503), and an [ErrorReply] as body.
//
// # A request's way
//
//	subscription   take: admit or 503; never blocks
//	goroutine      in a place:      read the subject and the body, or 400
//	               without a place: wait for after_seq, or 408
//	               in a place:      open a View, answer, close it
//	               publish the reply
//
// There are a few places for each CPU. A request that waits holds none, so ten
// thousand waiting requests don't slow down one that needs no wait. Queue and
// waiters are bounded (pool.go); what exceeds a bound is answered 503 at once.
//
// An answer comes from one View, that is from one applied position: totals and
// conversations of one reply belong together. An answer too large for the
// server's max_payload is made again with half the limit; its next, or more,
// goes on from there.
//
// # What can go wrong
//
// A panic while answering is logged with its stack and answered 503; so is an
// error of the source, without its text, which goes to the log. When Run's
// context ends, the subscriptions are taken back first, so that other instances
// get what comes next; waits end with 503, all else is answered, and what has
// no answer after 1.5 s is answered 503. Run returns within 2 s. A crash
// leaves requests unanswered; nothing here is stored.
//
// # Monitoring
//
// $SRV.PING, INFO and STATS answer. INFO's metadata names prefix and stream;
// it is fixed when the service is added, so the live numbers are in STATS:
// [EndpointData] is the data of each endpoint, at most some seconds old.
package api
