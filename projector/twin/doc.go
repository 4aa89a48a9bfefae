// Package twin is the rules of reddot once more, as plainly as they can be
// written: a model that keeps every message of every conversation in slices
// and answers each question by walking over them. Tests feed the same commands
// to it and to the projector and compare the answers; nothing else imports it.
//
// It must stay dumb. It shares no code and no idea with the projector beyond
// the vocabulary in package events: no ordinals, no stored counts, no
// exception lists, no cache, no index. What makes it faster makes it likelier
// to be wrong in the same way as what it checks. Where the two disagree, read
// the code here against the rule that a comment names ("rule once"); it should
// take a minute.
//
// # Model
//
//	chat     one log of messages: per group, and in C2C per owner and peer
//	view     one user's view of a chat: the read position and the flags
//	message  what arrived, and whether it was revoked
//
// A user's unread are the messages after the view's read position that count,
// are not the user's own and are not revoked. They are counted by looking at
// each of them, at every question.
//
// # Generator
//
// [Generator] draws valid commands at random from a small world, so that
// they meet: duplicates, reads and revokes that come before their message,
// stale reads, strangers. The same seed and [Config] give the same commands.
// [Deep] is a profile whose conversations grow to thousands of messages.
package twin
