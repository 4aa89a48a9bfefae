// Package bench measures how fast reddot is, on the machine that it runs on,
// and compares it with what the parts below it can do.
//
//	workload ──► script (a file) ──► publisher ──► bare NATS server ──► reader, fold
//	seed                                  └──────► reddot serve     ──► events, queries
//
// # What a figure is worth
//
// A machine is as fast as it is at the moment, so a figure alone says little.
// Most are reported beside a reference that was measured in the same run, and the
// aim is about the ratio. Where two things are compared closely they take
// turns.
//
// # What runs where
//
// Everything that is measured runs in processes of its own: this program again,
// as "serve" or under a hidden command. So the memory told is that of a whole
// server, what drives it is not in it, and every byte goes over TCP on the
// loopback device. A process that ends unasked ends the run. Data lies in one
// temporary folder, which is removed at the end.
//
// # What is not measured
//
// The traffic is drawn and encoded before anything is timed; joins come first
// and are never timed. Disks matter as far as the sync policy lets them.
package bench
