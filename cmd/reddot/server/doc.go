// Package server is "reddot serve": it supervises the projector, the queries, the
// snapshots and the NATS server, embedded or existing, from the data folder's lock on to
// a clean end.
//
//	New(Config)            validated; nothing is begun
//	Run(ctx)
//	  data folder          locked, named, swept
//	  HTTP                 health says why it is not ready yet
//	  NATS                 embedded: files checked, opened, the log looked at, listening
//	                       existing: a link that waits for it, with its permissions tried
//	  snapshots, log       truncated? stop, or go on with what is left
//	  projector            the first one; then, all at once until ctx ends or one fails:
//	    projection         a projector, and the next one when that stops for a reason
//	                       that can pass
//	    peers, queries, streams, gate, snapshots, site, scrub, webhooks
//	  ready
//
// What others see of it never is an old answer: between two projectors every query gets
// an error (projection.go). A part that ends by itself ends the server, with the reason;
// the projector ends last, so that what was asked is answered.
//
// Where what is:
//
//	config.go       what can be said, its defaults and bounds
//	server.go       Run; parts.go: what runs at once; http.go, nats.go, opening.go: how each begins
//	projection.go   from which projector is answered, and what when there is none
//	link.go         the connection to an existing NATS server; permissions.go: what its user needs
//	replicas.go     on how many servers a stream is put; site.go: where the streams are
//	truncation.go   a log that lacks commands from which something is derived
//	snapshots.go    where snapshots are kept, and which one a new store begins with
//	startreads.go   what of the log is read at the start; scrub.go: the rest, afterwards
//	authority.go    who may come in; door.go: to the embedded NATS server; callout.go: to an existing one, crowd.go: how often
//	streams.go      what streams over HTTP are told from; feed.go: the stored events, for feeds;
//	                files_*.go: how many files may be open
//	websocket.go    the embedded NATS server at /nats of HTTP; tls.go: the listeners' certificate
//	webhooks.go     who is told of events over HTTP
//	peers.go        the other reddots of the log; figures.go: the streams, for Prometheus
//
// A crash leaves what the data folder, the store and the NATS server leave (see there);
// the next Run goes on from it.
//
// Errors are for who has called reddot on a command line: they name its flags.
package server
