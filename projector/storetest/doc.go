// Package storetest has what tests need of stores and of their rows. Only tests
// import it.
package storetest
