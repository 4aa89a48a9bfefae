// Package dirty is the dirty set: what commands have changed and no event shows yet.
//
// The fold names the effects of each command ([fold.Effects]); a [Set] merges them
// by user, by group and by receipt, so that it is bounded by the users and groups
// there are, not by the commands. Whoever emits takes the set over, reads the rows
// and notifies: a set says who may have to be notified, never of what.
//
// [Set.Add] enters what the fold says. [Set.AddAgain] enters what a command that has
// been applied may have changed, for an emitter that takes over and has no effects:
// it may name more, and what did not change has no new version.
//
// A command that touches many (a join of thousands, a dismissal) is kept as one list
// of users ([Bulk]), so that entering it costs no more than the list; only the newest
// few are.
//
// It is pure, like the fold: the same commands give the same set, in the same order.
package dirty
