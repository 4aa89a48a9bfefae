// Package cache has what stands between a store's rows and Pebble: caches of rows,
// each within a bound of bytes, and a filter of keys.
//
// [Rows] are for one goroutine: the fold's rows lie in one per family, as they are stored. A
// [Shared] is for those who read meanwhile, each at one position; each commit hands it the
// rows that it has changed. Both forget what is not used, as a [Cache] does. A [Filter]
// answers for the keys that are not stored: most of what a fold looks for is new, such as a
// message id. A [Prefetch] has what will be asked for come from memory while others do.
//
// No cache knows what a row is, and none reads or writes one.
package cache
