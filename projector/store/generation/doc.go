// Package generation keeps the folder of a projection's stores: each store lies in
// a folder of its own, a generation, and a marker says which one is current.
//
// A store is built from scratch beside the current one, and takes its place by one
// durable step; so whoever opens the [Folder] after a crash finds a whole store, the
// old one or the new. A snapshot that is restored becomes a generation the same way.
package generation
