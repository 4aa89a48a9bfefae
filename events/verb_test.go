package events

import (
	"slices"
	"testing"
)

// TestVerbNumbers: the number of a verb is stored with the counts of commands, so
// it never changes.
func TestVerbNumbers(t *testing.T) {
	want := []string{
		"user.message", "user.revoke", "user.sent", "user.read", "user.read-all", "user.unread", "user.mute", "user.delete", "user.erase",
		"group.message", "group.revoke", "group.join", "group.leave", "group.dismiss", "policy",
		"user.level", "user.label", "user.filter", "user.clear", "user.import", "group.purge", "user.block", "user.follow", "user.edit", "group.edit", "clock",
	}
	var got []string
	for _, v := range Verbs() {
		if v != Verb(len(got)+1) {
			t.Errorf("%s has the number %d, want %d", v, v, len(got)+1)
		}
		got = append(got, v.String())
	}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("the verbs are %q, and were %q", got, want)
	}
	for v, want := range map[Verb]string{UserErase: "user", GroupDismiss: "group", PolicySet: "", NoVerb: "", verbs: ""} {
		if got := v.Inbox(); got != want {
			t.Errorf("%s is of a %q, want %q", v, got, want)
		}
	}
}
