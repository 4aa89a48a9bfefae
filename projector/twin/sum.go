package twin

import (
	"iter"
	"strings"

	"reddot/events"
)

// Sum adds up the conversations of a list (rule total).
func Sum(list iter.Seq[events.Conversation]) (t events.Totals) {
	for c := range list {
		if c.Muted {
			t.Muted += c.Unread
			continue
		}
		t.Unread += c.Unread
		t.Mentions += c.Mentions
		if strings.HasPrefix(c.Conversation, "c2c_") {
			t.C2C += c.Unread
		} else {
			t.Group += c.Unread
		}
		if c.Unread > 0 || c.MarkedUnread {
			t.Conversations++
		}
	}
	return t
}
