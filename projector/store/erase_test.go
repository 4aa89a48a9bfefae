package store_test

import (
	"testing"

	"reddot/events"
	"reddot/projector/store"
)

// TestEraseWhateverIsCommitted: what an erase comes to does not depend on which
// of the commands before it are committed.
func TestEraseWhateverIsCommitted(t *testing.T) {
	bob := events.ConversationID{Kind: events.C2C, ID: "bob"}
	join := events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"a", "b"}}
	leave := events.Command{Verb: events.GroupLeave, Inbox: "g", Users: []string{"a"}}
	pending := events.Command{Verb: events.UserRead, Inbox: "a", Conversation: bob, Upto: "m1"}
	drop := events.Command{Verb: events.UserDelete, Inbox: "a", Conversation: bob}
	mute := events.Command{Verb: events.UserMute, Inbox: "a", Conversation: bob, Muted: true}
	unmute := events.Command{Verb: events.UserMute, Inbox: "a", Conversation: bob}
	revoke := events.Command{Verb: events.UserRevoke, Inbox: "a", From: "bob", ID: "m1"}
	message := events.Command{Verb: events.UserMessage, Inbox: "a", From: "bob", ID: "m1"}
	erase := events.Command{Verb: events.UserErase, Inbox: "a"}
	for name, script := range map[string][]events.Command{
		"left":           {join, leave, erase},
		"dismissed":      {join, {Verb: events.GroupDismiss, Inbox: "g"}, erase},
		"pending read":   {pending, erase, erase},
		"dropped read":   {pending, drop, erase},
		"muted":          {mute, erase, erase},
		"unmuted":        {mute, unmute, erase},
		"early revoke":   {revoke, erase, erase},
		"message":        {message, erase, erase, message},
		"left, with C2C": {message, join, leave, erase, erase},
	} {
		t.Run(name, func(t *testing.T) {
			for committed := range 1 << len(script) {
				r := newRig(t, 1)
				for i := range script {
					c := script[i]
					seq := events.Seq(i + 1)
					r.log = append(r.log, store.Entry{Seq: seq, Command: c})
					want := r.twin.Apply(seq, 0, &c)
					r.apply(seq)
					if r.fx.Ignored != want.Ignored || r.fx.Refused != want.Refused {
						t.Fatalf("commits %b: command %d, %s: ignored %v, refused %q; the twin says %v, %q",
							committed, seq, c.Verb, r.fx.Ignored, r.fx.Refused, want.Ignored, want.Refused)
					}
					if committed>>i&1 == 1 {
						r.commit()
					}
				}
				r.commit()
				r.compare([]string{"a", "b"})
			}
		})
	}
}
