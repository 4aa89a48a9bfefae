// Package gate is where users' own commands come in. A phone or a browser never
// publishes to the log: the server would acknowledge that, with rights of its
// own, wherever the phone says, and headers of its message would stay in the
// stream. It asks, over NATS or HTTP, and the gate checks and publishes.
//
// # A command's way
//
//	Admit    the user's rate, or events.ErrRateLimited
//	Read     split the request, decode the command, look at the quota, encode
//	         it again: what is stored are bytes of ours, under a subject of ours
//	Send     hand it to the connection; who calls it in order is stored in order
//	Stored   wait for the stream's acknowledgement
//	Await    wait until it is applied, or emitted; a refusal is an error then
//
// Every way in shares one Gate: the same checks, rates, quota and keys.
//
// # Keys
//
// A command with a key is published with the Nats-Msg-Id
//
//	h.<caller>.<first 16 bytes of the key's SHA-256, in hex>.<index>
//
// so that the stream's own window for duplicates (two minutes unless the
// operator chose another) has the same key be the same command: whichever
// instance is asked, the reply has the seq of the first. The caller stands
// first, so that nobody takes the key of another; back ends that set the header
// themselves keep clear of "h.".
//
// # Bounds
//
// A user's rate is that of one instance: who is answered by two has twice as much.
// A user may hold [MaxSelfMade] conversations and threads that nobody else brought
// about, since any phone could name ever new ones; labels, filters, blocked users and
// pending reads are bounded by the fold, for all.
// At most MaxPending commands are without their acknowledgement at any time. A
// bucket of tokens a user lives as long as it is not full; a count of
// conversations a user for a minute or two. Nothing is stored here: a crash
// loses buckets and counts, and the replies of commands on their way, which may
// be stored or not; a key makes asking again safe.
package gate
