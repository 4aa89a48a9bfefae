package pull

import "testing"

// TestPlace reads places from reply subjects of old and new servers, and of
// nobody else.
func TestPlace(t *testing.T) {
	const own = ".UNREAD_COMMANDS.c1."
	here := place{seq: 90084, consumer: 7, at: 1763899200123456789, pending: 3}
	for reply, want := range map[string]place{
		"$JS.ACK.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.3":               here,
		"$JS.ACK.hub.ACCHASH.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.3.x": here,
		"$JS.ACK._.ACCHASH.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.3":     here,
		"$JS.ACK.UNREAD_COMMANDS.c2.1.90084.7.1763899200123456789.3":               {},
		"$JS.ACK.UNREAD_EVENTS.c1.1.90084.7.1763899200123456789.3":                 {},
		"$JS.ACK.UNREAD_COMMANDS.c1.1.x.7.1763899200123456789.3":                   {},
		"$JS.ACK.UNREAD_COMMANDS.c1.1.1.7":                                         {},
		"$JS.ACK.UNREAD_COMMANDS.c1.":                                              {},
		"_INBOX.UNREAD_COMMANDS.c1.1.90084.7.1763899200123456789.3":                {},
		"": {},
	} {
		got, ok := parsePlace(reply, own)
		if ok != (want != place{}) || ok && got != want {
			t.Errorf("%q: %+v, %v", reply, got, ok)
		}
	}
}
