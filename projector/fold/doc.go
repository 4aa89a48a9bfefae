// Package fold is reddot's core: what one command does to the rows.
//
// [Apply] is a pure function of (rows, seq, time, command). It reads no
// clock, no randomness, no map order, no floats and no I/O but the rows, so
// the same log gives the same rows everywhere and always.
//
// # Counting
//
// Every message of a conversation takes the next position ([Pos]) of its log;
// a message that counts also takes the next counted ordinal ([Ord]). A reader
// holds a [Cursor]: a position and the ordinal reached there. So the count of
// one reader is a subtraction, whatever the size of the group:
//
//	unread = log.Head.Ord - read.Ord      counted after the read position
//	       - own counted after it          (group members only)
//	       - revoked after it
//
// Own, revoked and mentioning messages are sets of ordinals ([Set]), counted
// by range. A group message therefore writes the rows of the group, of its sender in
// it, and of the members it names, never of the other members. [Tally] counts, for
// whoever wants to know; [Summary] is what lists and totals are made of.
//
// A C2C log belongs to one owner and is folded into the owner's conversation
// row. A group's log is shared; a member's conversation row holds only what
// is the member's own.
//
// A hidden message takes a position, so that reads up to it work, and is not the
// log's Last. What a C2C reader has read and what the peer has a receipt for are kept
// apart, as a read may be private and a position may go back: receipts only grow.
//
// # Who has read a group's message
//
// A member has given receipts for pieces of the log: from the join up to where it was
// read, and for some timelines further ([Member], [Piece]). Two trees of counts over
// positions ([TreeKey]) say how many joined before a place and how many pieces cover
// it, so that a message is asked after in a group of any size without looking at its
// members, and a read writes the member's row and a row or two of a tree.
//
// # Sweeping
//
// No command changes more than a few hundred rows. A dismissal of a large group, an
// erasure, and joins and leaves of many leave a [Sweep]: from there on [Reader] and
// Rows give nobody the rows that have ended, and everybody those of who joined, as
// [Sweeps] says; every command that follows writes some of it down. Sweeps are
// done in their order; a membership command waits for earlier ones of its group by
// being one. Who is concerned is notified at once: see [Effects].Begun.
//
// # Where a rule is
//
// The rules have the names of the contract. Each file says "rule" and the name where
// the rule is kept.
//
//	count silent hidden once         message.go groupmessage.go
//	own                              message.go sender.go tally.go
//	mention named                    groupmessage.go revoke.go touched.go tally.go
//	revoke                           revoke.go
//	clock expire                     expire.go
//	read-exact                       read.go
//	read-early                       pending.go
//	read-time                        time.go
//	receipt                          receipt.go
//	seen receipts-sent               seen.go
//	read-by                          readby.go revoke.go
//	unread                           unread.go
//	join                             group.go read.go
//	mute level                       level.go
//	label                            label.go
//	filter                           filter.go
//	block                            block.go tally.go
//	delete                           delete.go
//	clear                            clear.go
//	purge                            purge.go floor.go
//	import import-once carried       import.go tally.go
//	timeline thread-read             timeline.go tally.go read.go
//	thread-unread                    unread.go timeline.go
//	thread-mute thread-list          mute.go timeline.go tally.go
//	edit                             edit.go
//	in apart                         thread.go fold.go tally.go
//	follow                           follow.go groupmessage.go tally.go unread.go
//	stranger                         refusal.go
//	exact                            tally.go
//	quiet                            effects.go version.go
//
// The rule of totals is kept by package view. A new command is a case of Apply and one of
// Touched; a verb that lacks one panics in the tests.
//
// # Invariants
//
// After every command: Read.Pos <= Head.Pos, Last.Pos <= Head.Pos and Join.Pos <=
// Read.Pos; Cleared.Pos <= Read.Pos, and Read.Pos is 0 while anything is carried; ordinals grow with positions; a position, once given, never changes its
// message; a receipt names a message of the peer's.
// [Apply] refuses before it writes: a refused command leaves the rows as they
// were.
package fold
