// Package api answers questions: over NATS as the micro service "reddot"
// ([Service]), and for those who ask another way ([Service.Ask]). It knows the
// projection only as a [Source].
//
// # Queries
//
// One subject a query, <prefix>.api.<user>.<query> and <prefix>.api.status.
// Requests are JSON objects or empty; replies are JSON, or msgpack if the
// request has the header Accept: application/msgpack. Every reply says which
// in Content-Type.
//
//	totals          {kind?, include_muted?, label?, without?, mentioned?}
//	conversations   {unread_only?, kind?, label?, without?, mentioned?, limit?, after?}
//	conversation    {conversation}
//	threads         {conversation?, following?, unread_only?, limit?, after?}
//	thread          {conversation, thread}
//	explain         {conversation, thread?, limit?}
//	receipt         {peer, thread?}
//	group-receipts  {group, ids}
//	readers         {group, id, read?, limit?, after?}
//	watch           {}
//	hold            {ttl_ms}
//	status          {}
//
// Each may carry after_seq and timeout_ms: the answer then waits until that
// command is applied (status: applied and emitted), else it is 408. null is
// the same as absent, anything that is off is a 400 which says what, unknown
// fields too. Names are case-sensitive, duplicate names and invalid UTF-8
// are refused.
//
// An error reply has the headers Nats-Service-Error (one bare word:
// bad_request, forbidden, not_found, not_applied, rate_limited, unavailable) and
// Nats-Service-Error-Code (400, 403, 404, 408, 429, 503), and an [events.ErrorReply]
// as body.
//
// # Users' own commands
//
// <prefix>.do.<user>.<verb> asks for a command of the user's own: read,
// read-all, unread, mute, level, label, filter, block, follow, delete, clear. The
// request is the command's payload, JSON or
// msgpack, with wait? (stored, applied or emitted), timeout_ms? and key? beside;
// the reply is {seq, duplicate?}. Package gate says what becomes of it. Requests
// of one user are stored in the order in which one instance gets them.
//
// # Where is what
//
//	handlers.go   the queries: one line each, and a typed handler
//	request.go    a request's body, as JSON
//	answer.go     a request's way; call.go and endpoint.go what it carries along
//	pool.go       the places, and who waits
//	gate.go       users' own commands, by package gate
//	fault.go      any error as an error reply
//	reply.go      which reply subjects are answered
//	service.go    the beginning and the end; queue.go the queue group
//	direct.go     requests that come another way than NATS; joined.go their context
//	stats.go      monitoring; metrics.go for Prometheus
//	source.go     the projection, as it is asked
//
// # Who is answered
//
// NATS checks no permission on a reply subject, and an answer is published with
// the rights of who answers. So answers are sent to inboxes only: reply subjects
// that begin with _INBOX or _R_., with <prefix>.inbox.<user>. of the user asked
// about, or with <prefix>.inbox.key. (and what [ServiceConfig].ReplyPrefixes
// adds). Any other request is counted, and nothing else is done with it. That
// holds for monitoring too. Inboxes of the service's own connection, which
// should have a prefix of their own, are left out.
//
// # Who asks whom
//
// Instances share the requests: they are members of one queue group. A source may
// not know the newest state, because it hears nothing of the log, applies what
// is in it, or is far behind. Then its service leaves the group, and is a member again
// when the source has been fresh for two looks in a row (queue.go). The server sends
// it no more requests; those that it has sent are answered, rightly or 503. If
// nobody is left, NATS reports to who asks that there are no responders.
//
//	every 100 ms, and at a 503 that is no asker's fault:
//	  member, source not fresh      unsubscribe; say why, once
//	  no member, fresh twice        subscribe; say so
//	  not fresh, and not behind     503 to those who wait for a command
//
// Status, maintenance, watches and monitoring are answered all the time: an
// operator wants to know, and a watch is begun by every instance that hears it. A
// connection that breaks while subscriptions are given back may begin them again
// when it comes back, and nobody would hear of their requests; then it is made once
// more. That way no instance is a member twice, or without knowing.
//
// # A request's way
//
//	subscription   take: admit or 503; never blocks
//	goroutine      in a place:      read the subject and the body, or 400
//	               without a place: wait for after_seq, or 408
//	               without a place: wait for the newest state, or 503
//	               in a place:      open a View, answer, close it
//	               publish the reply
//
// There are a few places for each CPU. A request that waits holds none, so ten
// thousand waiting requests don't slow down one that needs no wait. Queue and
// waiters are bounded (pool.go), in all and of each user: sixteen requests of
// one user may wait. What exceeds a bound of all is answered 503 at once, of the
// user's own 429; if all together may not wait, whoever has the most waiting
// gives one up. Requests about no user (status, maintenance) have places of
// their own, and are always taken.
//
// A watch is answered by one instance and begun by all, as events are held back by
// all: whichever of them emits has to know.
//
// No answer shows a state older than what anybody was answered before the request, by
// whichever instance: see [Source]. Where nobody can say what the newest is within
// timeout_ms, or a second if that is less, it is 503.
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
// # Other ways in
//
// [Service.Ask] and [Service.Store] are for requests that did not come over NATS: the
// HTTP API's. They have the same places, bounds and waits, a user's requests count
// together whichever way they came, and the replies are the same. A query that is
// marked web is answered there alone. Those of back ends and operators about nobody have
// a load of their own each: only the bounds of all hold for them.
//
// # How do I add a query?
//
// In this order; behind each place is what fails while it is forgotten.
//
//	events/request.go            its name, and its request: a struct with Wait in
//	                             it, and Validate                   TestGoldenRequests
//	events/reply.go              its reply                          TestEveryStructIsGolden
//	projector/view               the answer, from the rows
//	projector/view.go            a method of the projector's View   the compiler
//	api/source.go                that method of View                the compiler
//	api/handlers.go              its line in handlers, which says all the rest: its
//	                             subject, its lane, whether it shows a state  TestEveryQuery
//	api/testdata/queries         its answers and its errors, and -rewrite  TestEveryQuery
//	api/client/query.go          a method of User or Client         TestEveryQueryHasAMethod
//	cmd/reddot                   the command that shows it
//
// A request with a Limit also has Halved, so that an answer too large for one
// message is asked for again with less.
//
// # Monitoring
//
// $SRV.PING, INFO and STATS answer as those of the micro framework do, but to
// inboxes only. INFO's metadata names prefix and stream. STATS counts answers
// and errors of each endpoint, the time they took less what they were asked to
// wait; [EndpointData] is its data, at most some seconds old.
package api
