// Package store keeps the projection's rows in Pebble.
//
// # What it promises
//
// Rows and position move together: [Store.Commit] writes every changed row
// and the applied seq in one Pebble batch, at one call site. Pebble's own
// write-ahead log is off, because the command stream is the log: after a
// crash Pebble holds the rows of some earlier commit, whole, and folding goes
// on from the position found there. [Store.Flush] moves the durable position
// up to the applied one; it runs at every close and every FlushEvery commands.
//
// One goroutine changes a Store. Any number read through [Snapshot]s, each at
// one applied position.
//
// # Row cache
//
// Rows are kept decoded in bounded caches, one per family. A command changes
// the decoded row; a row changed many times between two commits is encoded
// and written once. Messages are never read back to be stored: their bytes are
// appended to their page by a Pebble merge, which concatenates.
//
// # Digest
//
// The digest is the sum, modulo 2^64, of a hash of every row (of every
// message, in pages). A commit takes the hash of the old row out and puts the
// new one in. The sum does not depend on order or on where batches end, so two
// stores that applied the same commands have the same digest.
package store
