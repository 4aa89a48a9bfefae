//go:build !race

package store_test

const defaultSteps = 6000
