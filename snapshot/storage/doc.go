// Package storage keeps named blobs for snapshots: in a folder, a file for each, or
// in a NATS object store bucket, an object for each. What the blobs mean it does
// not know.
//
// # What a storage promises
//
// [Storage] says it call by call. In short: a blob is there as a whole or not at
// all, whoever crashes; a listing is as new as the newest blob in it, which is all
// that the pins of package snapshot need to agree on who may delete; and nothing
// has to be found corrupt but by who reads it and knows its hash.
//
// A folder's blobs are synced with their names (see package disk). A bucket's are
// as durable as its stream: where the server syncs at intervals, a power cut can
// take the last of them.
//
// # Failures
//
// A folder reports an error at once. A bucket tries again, for two minutes, what a
// server that is away or can't keep up has refused, and asks other replicas for
// what one does not have or has corrupt.
//
// # What a crash leaves
//
// Unpublished files, and chunks of objects that were never finished. Sweep frees
// those that are old.
package storage
