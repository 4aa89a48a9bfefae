// Package sim runs the log's reader, the loop, the store and the emitter in a
// simulated world, from a seed: thousands of runs a minute, each with faults that
// a real one would have in years, each compared with the twin. It has nothing but
// tests; nothing imports it.
//
//	go test ./projector/sim                                   some seconds of it
//	go test ./projector/sim -run Simulation -effort 200 -v    ten minutes
//	go test ./projector/sim -run Simulation -seed 7 -v        one seed, and what happens
//
// # What is real, what is simulated
//
//	real       log.Log, loop.Loop, store.Store and generation.Folder with Pebble, emit.Emitter
//	simulated  the command stream, the event stream, the connections, the disks,
//	           the clock; and what projector.Projector does to tie them together
//
// The disks are Pebble's crashable files in memory. The event stream follows
// nats-server 2.15.2 line by line, and a test sends the same messages to both.
//
// # A run
//
//	draw a plan: commands, users, one process or two, how slow, which faults; in
//	    half of them somebody chooses the ids: those of others, of users and of
//	    groups, the longest, of control bytes, from before a join, or many at once
//	fold the commands one by one into a store of its own: the digest at every seq
//	until all commands are in the stream:
//	    some more come, or a fault comes
//	end all faults; all must be applied and emitted soon
//	the last commands come while all is well, but for somebody who forges events
//
// The faults: messages, acknowledgements and requests are slow, late or lost;
// connections break, and what was on its way arrives after the next one was made;
// the server restarts and knows only the message ids of what it holds; the event
// stream refuses, loses old events to its bounds, is purged, or deleted; somebody
// stores what no emitter has written, copies of what one has written, altered or
// not, one or hundreds at a time, or one every few milliseconds; commands
// are delivered again, or are missing, for some readings or until mended;
// processes are stopped, killed anywhere in what they do, get an older disk or an
// empty one, and build a new store beside the old; a second one folds the same log
// and wants to emit too.
//
// # What is checked
//
//   - after each commit, each opening and each rebuild: the digest is that of the
//     clean fold; at the end all views of all users are the twin's
//   - of each stored event: the state it shows never goes back; its totals, its
//     conversations and its version are the twin's at the seq that it shows; the
//     lists that listeners keep add up to the totals
//   - no change, receipt or refusal is emitted twice, unless what showed it first had
//     left the event stream
//   - whenever an emitter says that all is emitted up to a seq: every user's listeners
//     know what the twin shows, the last receipts, and every refusal
//   - commands that are missing stop a process, with an error that names them
//   - no process ends by itself for any other reason
//   - when all is well, nobody takes over from the one that emits
//
// TestFindsDefects shows that these checks bite.
//
// # The same seed, the same run
//
// A run lives in a bubble of testing/synctest: its clock stands while anything can
// go on, and then jumps to what comes next. That alone leaves the order of
// goroutines to the scheduler, so no two things may happen at a time: everything
// waits for a moment of its own, in nanoseconds, drawn from the seed, and each
// goroutine that draws has random numbers and a residue of nanoseconds of its own
// (see actor). What a moment sets off (an acknowledgement arrives, the emitter
// sends the next messages) is one chain, done before the clock goes on.
//
// Pebble runs its goroutines in the bubble as it does anywhere. They finish what
// they have to do within the moment that asked for it: a run is far too small to
// fill a memtable, so it flushes only when the fold says so, and a crash leaves
// what the seed says. Two things were in the way. Pebble has a ticker, so a
// deadlock of the others does not show as one: a run that takes an hour has failed.
// And waiting for a sync.Mutex does not let the clock go on, so nothing is closed
// while a snapshot of it may be open.
//
// TestReplay runs seeds twice and compares all that happens.
package sim
