//go:build !race

package store_test

const (
	defaultSteps  = 6000
	crashCommands = 240 // of which each write is followed by a crash
)
