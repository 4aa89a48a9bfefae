//go:build race

package testkit

// The race detector makes everything some ten times slower, and what it finds it finds
// in few rounds.
const spared = 4
