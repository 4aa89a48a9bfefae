// Package twin is the rules of reddot once more, as plainly as they can be
// written: a model that keeps every message of every conversation in slices
// and answers each question by walking over them. Tests feed the same commands
// to it and to the projector and compare the answers; nothing else imports it.
//
// It must stay dumb. It shares no code and no idea with the projector beyond
// the vocabulary in package events: no ordinals, no stored counts, no
// exception lists. What makes it faster makes it likelier to be wrong in the same
// way as what it checks: all that it keeps of what could be found by looking is where a
// message is, the newest one of each timeline, and what each view showed after the last
// command that was about it, and TestLooks compares that with a look at everything after
// each command. Where the two disagree, read the code here against the rule that a
// comment names ("rule once"); it should take a minute.
//
// # Model
//
//	chat      one log of messages: per group, and in C2C per owner and peer
//	view      one user's view of a chat: the read position, the settings, what is
//	          imported, and what it has of each timeline
//	timeline  what a view has of a thread, or of the main timeline, by itself: a read
//	          position, following, muting, receipts
//	account   what concerns a user in no one conversation: filters, blocked senders
//	message   what arrived, how it counts, and whether it was revoked
//
// A user's unread are the messages that lie after the read position of their timeline
// and count for the user: not the user's own, not revoked, expired, purged or of a
// blocked sender; apart from the conversation's those that count apart, in threads
// that the user follows. They are counted by looking at each of them, at every
// question (count.go). Who has read a group's message is found by asking every member
// (seen.go). What a command has changed is found by comparing what each view that it
// is about showed before and shows now (shown.go): versions come from nothing else.
//
// # Generator
//
// [Generator] draws valid commands at random from a small world, so that
// they meet: duplicates, reads and revokes that come before their message,
// stale reads, strangers, threads that hang on messages, expiry and clocks. The same
// seed and [Config] give the same commands; Config.Without leaves features out, to
// find which of them a difference needs. [Deep] is a profile whose conversations grow
// to thousands of messages.
package twin
