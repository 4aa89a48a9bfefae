//go:build race

package store_test

// The race detector makes everything some ten times slower.
const (
	defaultSteps  = 1500
	crashCommands = 100
)
