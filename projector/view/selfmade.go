package view

import (
	"reddot/events"
	"reddot/projector/fold"
)

// Holds reports whether there is a row of a conversation, in the list or not.
func Holds(r fold.Reader, k fold.Key) bool { return r.Conversation(k) != nil }

// SelfMade counts a user's C2C conversations that nobody but the user has
// brought about: muted, or read up to a message that has not come, without a
// message in them.
func SelfMade(r fold.Reader, user string) int {
	n := 0
	for _, k := range r.Conversations(user) {
		if k.Kind != events.C2C {
			continue
		}
		if c := r.Conversation(k); c != nil && !c.Exists(k) {
			n++
		}
	}
	return n
}
