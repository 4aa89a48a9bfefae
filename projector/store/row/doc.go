// Package row says which rows a store holds, byte by byte: their keys, their values
// and their names for people.
//
// A row's key begins with its family, one byte; see the constants [Conversations],
// [Pages] and so on, which say how the rest of the key goes on. Its value begins with
// [Format]; a row of another format is refused by an error that wraps [ErrFormat] or
// [ErrNewer], bytes that are no row by one that wraps [ErrCorrupt].
//
// Two equal rows are written as the same bytes, as the digest of a store is made up
// of them. What follows from other parts of a row is left out: most rows are written
// with every message. What is read points into the value: a row that is read costs
// little more than its bytes.
//
// Where to look:
//
//	key.go            all keys, and the prefixes of those that are looked for together
//	decoder.go        how values are read
//	conversation.go   a conversation's row
//	log.go            what a conversation's or a group's log adds to it
//	page.go           messages: those of a full page, and the unfinished page of a log
//	account.go        a user's account: what is lost, era, settings
//	sets.go           the other families, each some lines
//	sweep.go          what is left to be swept
//	receipts.go       memberships, and who has read what of a group
//	name.go           what a row is about, in words
//	contents.go       what stands in a row, for people
//
// The golden rows of each format lie in testdata/golden/store. A change of any byte
// is a new [Format].
package row
