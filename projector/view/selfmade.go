package view

import (
	"reddot/events"
	"reddot/projector/fold"
)

// Holds reports whether there is a row of a conversation, in the list or not.
func Holds(r fold.Reader, k fold.Key) bool { return r.Conversation(k) != nil }

// HoldsThread reports whether there is a row of a thread: of the log's, or the user's.
func HoldsThread(r fold.Reader, k fold.Key, name string) bool {
	if c := r.Conversation(k); c != nil && c.Timelines > 0 && r.Timeline(k, name) != nil {
		return true
	}
	return r.Thread(k.LogKey(), name) != nil
}

// SelfMade counts what nobody but the user has brought about: C2C conversations
// without a message in them, which are muted, labelled, or read up to a message that
// has not come; and followed threads without a message.
func SelfMade(r fold.Reader, user string) int {
	n := 0
	for _, k := range r.Conversations(user) {
		i, ok := load(r, k)
		if !ok {
			continue
		}
		if i.key.Kind == events.C2C && !i.row.Exists(i.key) {
			n++
		}
		for _, t := range i.followed(r) {
			if !t.of.There() {
				n++
			}
		}
	}
	return n
}
