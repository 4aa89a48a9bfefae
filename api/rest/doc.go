// Package rest is reddot over HTTP: the same queries and commands as on NATS, with the
// same fields, checks and bounds, on constant paths under /v1, and what operators and
// probes need.
//
//	GET  /v1/totals?user=alice            the reply is that of unread.api.alice.totals
//	POST /v1/read {"conversation": ...}   as unread.do.alice.read
//	POST /v1/commands {"commands": [...]} up to 1,000 of a back end's
//
// It knows neither the projection nor NATS: what answers is a [Live], which the program
// hands in once it is connected; until then queries are answered 503, and probes work.
//
// # Where is what
//
//	route.go      the table of routes: who may ask what, and what bounds it
//	exchange.go   a request's way; body.go: its body
//	query.go      the queries, each a line; params.go: a URL's parameters as the body that
//	              the query has on NATS
//	command.go    commands; repeat.go: the keys of requests that were seen
//	stream.go     streams and polls, which package stream answers
//	session.go    log-in of who looks with a browser
//	operator.go   what operators ask for; webhooks.go: about webhooks
//	log.go        commands as they lie in the log
//	probe.go      health, readiness, discovery; static.go: files that the program holds
//	problem.go    errors (RFC 9457); pointer.go: where in a body
//	limits.go     rates; address.go: where a request comes from
//	metrics.go    figures, request ids
//	server.go     what all requests go through; listen.go: the listener and its bounds
//
// # A request's way
//
//	listener    head and body within 10 s, a head of 48 KiB
//	observed    its id; its answer is counted
//	cors        pages of the configured origins, if there are any
//	gzip        answers beyond 1 KiB, if asked for; streams never
//	enter       URL, headers, Host, route, who asks, whether they may, rates
//	read        the body, bounded, of which all requests hold what has come; JSON and not
//	            compressed
//	serve       the route's own: Live.Ask, or Live.Store; errors become problems
//
// Where nobody is asked who they are, the name that a request is sent to must be one of
// this machine, and pages of other sites may not change anything: a browser on this
// machine could be sent here by either.
//
// # Versions and ETags
//
// A query about one user has the ETag "<epoch>-<version>", epoch naming the log. A user's
// totals and list depend on the version alone, so If-None-Match is answered 304 from the
// version, without the reply being made. Of other queries the reply is made and compared.
//
// # Keys
//
// A request for commands with an Idempotency-Key is stored once, by the stream's own
// window for duplicates: see package gate. Beside that the newest 10,000 keys are
// remembered, by this instance alone: another body under the same key is 422, and the same
// one while the first is at work 409. Nothing is lost with that memory but those two
// answers.
//
// # How do I add a route?
//
//	api/rest/route.go      its line, with who may ask, or
//	api/rest/query.go      that of a query, which has one in
//	api/handlers.go        too
//	api/openapi            the contract: TestContract compares its routes
//	testdata/http          its errors, where they are new
package rest
