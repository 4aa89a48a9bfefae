// Package testkit is what the tests of all packages share. Only tests import it.
// NATS servers are in natstest, disks that crash and fill up in disktest.
//
// # Random tests
//
// [Seed] returns the seed of a random run and logs the command that replays it. Each test
// has one of its own, so that a change is to blame if it fails. Others are drawn with
// -seed new, which is how faults are looked for:
//
//	go test ./projector/store -run '^TestTwin$' -seed 42
//	go test ./projector/... -seed new -count 10
//
// # Slow tests
//
// A test that finds more the longer it runs does a part of it by default: as much
// as keeps all tests together to some minutes. [Effort] and [Duration] say how
// much that is. The flag -effort N makes it N times as much, in every package
// alike:
//
//	go test ./projector/sim -effort 20
//
// # Waiting
//
// No test sleeps in order to wait. [Eventually] waits for a state that nothing
// announces, [Receive] for a value, and [Context] bounds what takes a context:
// each for Patience, which is far longer than anything takes, so that a busy
// machine fails no test.
//
// # Golden files
//
// [Golden] compares with a file; the flag -rewrite writes the file instead. What a
// release has left ([Releases]) is written until it is out.
//
// # Goroutines
//
// [Main] runs the tests of a package and fails if they leave goroutines behind.
package testkit
