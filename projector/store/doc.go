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
// Corruption is never taken for a state. Pebble's tables carry checksums; the file
// "position" shows that a manifest has lost its end, which else looks like a crash;
// a row says its format; rows that no log can have derived from each other are found
// by whoever folds or shows them. Whoever meets corruption gets an error that wraps
// [ErrCorrupt] and names the file or the row; a store of an older format is known
// by [ErrFormat] before any row is read. Both are built from scratch from the log, in
// another generation, while the current one goes on.
//
// One goroutine changes a Store; [Store.ApplyAll] has others help it, and returns when they
// are done. Any number read through [Snapshot]s, each at one applied position.
// [Store.Checkpoint] writes the files of one commit into another folder meanwhile.
//
// # Where something lives
//
//	row           what rows there are, byte by byte: keys, values, names for people
//	cache         caches of rows, and the filter of keys
//	generation    which of the stores in a folder is the current one
//	inspect       checking a store that nobody has open, and comparing two
//
//	families.go   the table of all families of rows, and what follows from it
//	table.go      the rows of one family: cached, changed, committed
//	reader.go     reading rows, for the fold and for snapshots
//	rows.go       what the fold changes; sweeps.go, unread.go, due.go: what it finds at once
//	snapshot.go   rows at one position; moment.go: what the snapshots of a commit share
//	lists.go, lines.go, members.go: what is listed of them; listchange.go: at a commit
//	summaries.go  what is kept of what a list shows
//	threads.go    threads, their order, timelines and followers
//	prefetch.go   the rows that the next commands will ask for
//	shards.go     folding many commands at once, and what holds then
//	store.go      folding a command and committing; outbox.go, position.go: the store's own rows
//	open.go       opening; pebble.go: Pebble's options; readonly.go: without changes
//	durable.go    flushing and closing; floor.go: what a folder held at least; checkpoint.go
//	describe.go   the families, for those who look at rows whatever they are
//
// # How to add a family of rows
//
//  1. row/key.go: a constant for the first byte of its keys, with their layout, and
//     the function that appends such a key.
//  2. row: a file with its Encode and Decode functions; a row in golden_test.go, one
//     in codec_test.go; a name in name.go. Rows that are there must stay as they are:
//     if not, it is another [Format].
//     home.go: the id by which such a row is at home with a shard.
//  3. families.go: one entry in newTables, and the field that it is assigned to. It
//     says how much of the family is cached, whether an erased inbox takes its rows
//     along, whether the key filter knows them, and whether what is shown of a log
//     depends on them. What commits, sums up, sweeps, filters, checks, compares and
//     names rows has no list of its own.
//  4. reader.go: what the fold and the views ask for (fold.Reader); rows.go: what the
//     fold writes (fold.Rows). The compiler names what is missing.
//  5. families_test.go, wideInbox or storetest.EveryFamily: commands that leave such a
//     row; invariant_test.go: what it must agree with.
//
// What is forgotten fails: a key without an entry and an entry without a field
// (TestFamiliesAreEntered), one without a golden row, a name or a strict decoder
// (TestFamiliesRead), one that no test's commands leave (TestFamiliesAreStored), rows
// that outlive their inbox (TestFamiliesAreErased), a filter that doesn't know its keys
// (the audit of every twin run), and a row that differs after a crash or in other
// batches (TestTwin, TestCrashAtEveryWrite: the digest), and one that counts depend on
// without anybody being told of its change (TestSummariesAreExact), and one that
// is at home elsewhere than the command that changes it (TestShards, and every commit).
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
// written once. A filter of all keys answers for the rows that are not there. What the next
// commands ask for first is loaded from memory together: see [cache.Prefetch].
//
// Many commands are folded by shards, each on a goroutine of its own: those of a group by
// one, those of an inbox's C2C part by one. Each has its part of every table, so that they
// share nothing but what only a barrier changes, a command that is folded alone. What they
// leave is what one would: see shards.go, and TestShards.
//
// # Lists
//
// Whoever asks for a user's totals or list needs all rows of that user. They are
// cached together, decoded, and brought up to each commit by a copy: so a query
// looks up one entry, beside the groups' logs; and what each conversation puts into totals
// is kept with the list until a row that it depends on changes. Who reads the lists of many
// users says so with [Snapshot.Many], and reads them by name: in that order the rows
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
