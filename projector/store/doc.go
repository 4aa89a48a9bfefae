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
// Damage is never taken for a state. Pebble's tables carry checksums; the file
// "position" tells a manifest that lost its end from one that a crash cut short;
// a row says its format; rows that no log can have made of each other are found
// by whoever folds or shows them. Whoever meets damage gets an error that wraps
// [ErrCorrupt] and names the file or the row; a store of an older format is told
// by [ErrFormat] before any row is read. Both are built anew from the log, in
// another generation of the [Folder], while the current one goes on.
//
// One goroutine changes a Store. Any number read through [Snapshot]s, each at
// one applied position. [Store.Checkpoint] writes the files of one commit into
// another folder meanwhile.
//
// # Rows
//
// The newest messages of a conversation are stored in the row of its log, which
// every message changes anyway; a full page of them becomes a row of its own,
// written once, and its message ids become rows of the index. So most commands
// write one row. Which rows there are follows from the log alone.
//
// # Row cache
//
// Rows are kept in caches bounded by bytes, one per family: as they are stored,
// and decoded from their first use to the next commit. A command changes the
// decoded row; a row changed many times between two commits is encoded and
// written once. A filter of all keys answers for the rows that are not there.
//
// # Lists
//
// Whoever asks for a user's totals or list needs all rows of that user. They are
// cached together, decoded, and brought up to each commit by a copy: so a query
// looks up one entry, beside the groups' logs. Who reads the lists of many users
// says so with [Snapshot.Many], and reads them by name: in that order the rows
// follow each other in Pebble, and the cache is left to those who ask.
//
// # Sweeping
//
// What one command does to many rows, as to those of a large group's members or of
// an erased inbox, is done at once for all who read, by one row that says so, and
// written down row by row by the commands that follow: see [fold.Sweep]. That row
// is part of the digest, as is how far the oldest of them has come: it depends on
// the log alone, not on where batches end. All that a sweep looks for in Pebble has
// been committed, as it is the oldest only once the commands before it are.
//
// An erased inbox is swept under its old name. Its user has another era from then
// on, which is a part of the keys of what lies below a conversation.
//
// # Digest
//
// The digest is the sum, modulo 2^64, of a hash of every row: of its key and its
// value together. A hash never says whether a row is there. A commit takes the
// hash of the old row out and puts the new one in. The sum does not depend on
// order or on where batches end, so two stores that applied the same commands
// have the same digest.
package store
