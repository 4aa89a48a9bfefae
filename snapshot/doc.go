// Package snapshot keeps the state at a seq as files: it creates, lists,
// verifies, restores and prunes snapshots of a store, in a folder or in a NATS
// object store bucket. What a store is, it doesn't know: a [Source] writes the
// files of one, a [Check] reads every row of one.
//
// # What it promises
//
// A snapshot that is listed without an error was whole when it was published:
// its files passed the Check, and all their bytes were stored before its
// manifest. Whatever is missing or corrupt later is found by Verify and by
// Restore and named, down to the blob and the file; a bit that flips gives an
// error or an older snapshot, never a wrong state. Restore hands over a folder
// only when it is durable, has the hashes of the manifest, passes the Check and
// holds the stream, seq and digest that the manifest says. It never touches
// the store in use.
//
// Creating one does not stop the store: a checkpoint of it is made, hard links
// where the file system has them, and all else reads that. Memory is bounded by
// a piece or two; one blob is in flight at a time.
//
// # Layout
//
//	manifests/<seq, 20 digits>-<16 hex>   what the snapshot is and which pieces make up its files
//	pieces/<sha256>                       up to 4 MiB of a file, named by their hash
//	pins/<kind>-<random>                  an operation that is going on, with the time when it counts as dead
//
// The 16 digits stand for the identity of the command stream, so the streams of
// a server, or the next stream of the same name, can share a storage. A piece
// is stored once whichever snapshots have it: of a Pebble store that has grown
// since the last snapshot, the new tables travel. Manifests and pins are JSON,
// then a line with the SHA-256 of all before it. Golden files under
// testdata/golden/snapshot hold each version; what a newer program wrote is
// refused with [ErrNewer], and left alone by Prune together with all pieces.
//
// # The operations
//
//	create    checkpoint into scratch; check it
//	          pin; list
//	          for each file, for each piece: hash it; put it if it is not listed
//	          put the manifest, which makes it a snapshot; unpin
//	restore   pin the snapshots that will do; list
//	          newest first: get and hash its pieces into the folder; sync; check
//	              corrupt: say so in the log, empty the folder, take the one before
//	          unpin
//	prune     pin; list
//	          delete the manifests that are too old and not pinned
//	          delete the pieces that no manifest has, unless someone creates; unpin
//
// A [Scheduler] creates, prunes and trims by itself, by number of commands or by time,
// and on request. [Repository.TrimBound] says up to where commands may be
// removed from the stream. A corrupt piece is corrupt in all snapshots that
// share it; Verify with Repair removes it, so that the next Create whose files
// have those bytes stores it once more and mends them all.
//
// # What a crash leaves
//
// At any write: every snapshot published before, and no half one. Pieces
// without a manifest may be left, which the next Create uses or the next Prune
// removes; unpublished files and chunks, which a Prune sweeps when they are an
// hour old; things in the scratch folder, which [Open] removes; a half restored
// folder, which is its caller's to remove; and a pin, which expires.
//
// A folder's blobs are synced with their names. A bucket's are as durable as
// its stream: if the server syncs at intervals, a power cut can take the last
// of them. Then a manifest may be there without all of its pieces, which is
// found like any corruption. The server drops what it finds corrupt in a stream:
// if that is the description of a manifest, the snapshot is not listed as
// corrupt, but not at all.
//
// # Pins and clocks
//
// Invariant: no piece is deleted that a snapshot being created counts on, or
// that a snapshot being read has.
//
// Whoever is about to count on blobs, or to delete some, puts a pin first and
// lists the pins then, so of two at least one sees the other. Create, Verify
// and Restore wait for the prunes that they see. A prune that sees a create
// leaves all pieces; one that sees a restore or a verify leaves the snapshots
// that its pin names. Only after the pins is the rest listed: who has unpinned
// by then has done all that it does.
//
// A pin holds for a minute and is renewed every 20 seconds; its owner counts on
// it for 40 seconds. So a crashed process is in the way for 75 seconds at most,
// and not at all for a process that is opened with its [Config].Owner. (A pin
// that can't be read counts as held until it is an hour old.) This
// assumes that the clocks of the processes that share a storage differ by less
// than 15 seconds, and that nothing that was asked of the storage is carried
// out more than 35 seconds after it was given up. An owner whose pin could not
// be renewed in time notices: a prune stops deleting, a create looks again at
// what is there before it puts its manifest.
package snapshot
