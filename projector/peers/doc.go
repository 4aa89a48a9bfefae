// Package peers has the reddots of one log know of each other.
//
// Each publishes to <prefix>-peer.<id>, once a second and as it starts and ends,
// a JSON object: who it is and how far (events.Peer); it hears what the others
// publish, and itself. One that was not heard for ten seconds is forgotten.
//
// That is for operators, in the status; and it is one of the two ways by which a
// reddot knows that it is alone (the other is the stream's word on who reads the
// log) and need not ask the stream before each answer.
//
// # What a forger can do
//
// Whoever may publish to <prefix>-peer.> can show reddots that are not there, up
// to a bound, wrong figures of those that are, and say that they have ended. None
// of that makes an answer wrong. A message of another, whatever it says, only ever
// makes a reddot believe less to be alone: it then asks the stream before each
// answer. So nobody but reddots needs that permission, and without it, or the one
// to listen there, reddot works as well and asks the stream each time.
//
// # In which order things are heard
//
// What the NATS server has sent on the connection before some answer is taken in
// when that answer is there: messages lie in a channel, which is emptied by whoever
// asks, not by a goroutine that may be late.
package peers
