// Package disk makes files and folders that are there with all their bytes after a
// crash, or not at all: it is where files are synced, renamed and synced again. It
// is for the store and for snapshots in folders.
package disk
