//go:build !race

package testkit

const spared = 1
