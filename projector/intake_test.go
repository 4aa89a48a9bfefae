package projector

import (
	"testing"

	"reddot/events"
)

// TestDelivered reads places from reply subjects of old and new servers.
func TestDelivered(t *testing.T) {
	for reply, want := range map[string]struct {
		seq events.Seq
		at  events.Time
		ok  bool
	}{
		"$JS.ACK.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.0":               {90084, 1763899200123, true},
		"$JS.ACK.hub.ACCHASH.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.0.x": {90084, 1763899200123, true},
		"$JS.ACK._.ACCHASH.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.0":     {90084, 1763899200123, true},
		"$JS.ACK.UNREAD_COMMANDS.c1.1.x.7.1763899200123456789.0":                   {},
		"$JS.ACK.UNREAD_COMMANDS.c1.1.1.7":                                         {},
		"_INBOX.abc":                                                               {},
		"":                                                                         {},
	} {
		if seq, at, ok := delivered(reply); ok != want.ok || ok && (seq != want.seq || at != want.at) {
			t.Errorf("%q: %d, %d, %v", reply, seq, at, ok)
		}
	}
}
