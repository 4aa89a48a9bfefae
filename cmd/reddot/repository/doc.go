// Package repository is where reddot's snapshots are kept, and which of them are of its
// log.
//
// A Place is what --snapshots says: a folder (by default one in the data folder), an
// object store bucket of NATS ("bucket:NAME"), or none ("off"). Whoever takes snapshots
// makes it (Make); whoever only reads them wants it to be there (Find). Open opens what
// is in it, with a check that reads every row of a store.
//
// A snapshot is derived from the commands up to a seq, and says at what time the stream
// took in the last of them. That distinguishes a log from another one with the same name:
//
//	Recognise     a log that was restored without its metadata is the one whose
//	              snapshot names the very time of a command of it
//	DerivedFrom   a snapshot is of the commands that the log has at its seq
//	Foreign       those that are not: the log was truncated, and perhaps written further
//
// A Restoration puts one in the place of the store in a data folder.
//
// Errors are for who has called reddot on a command line: they name its flags.
package repository
