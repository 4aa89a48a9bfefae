package sim

import (
	"math/rand/v2"
	"strings"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
)

// TestHostileChooser: the chooser brings about what it is there for.
func TestHostileChooser(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(40) {
		h, err := newHistory(seed, rand.New(rand.NewPCG(seed, 1)), &plan{commands: 150, hostile: true})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		noteHistory(h, seen)
	}
	for _, what := range []string{
		"refused: " + fold.ReasonOtherSender, "refused: " + fold.ReasonNotMember, "refused: " + fold.ReasonNoMessage,
		"id of a user", "id of 256 bytes", "control byte", "user of 256 bytes", "more pending reads than are kept", "an id from before a join",
	} {
		if seen[what] == 0 {
			t.Errorf("%s never happens", what)
		}
	}
	t.Log(seen)
}

// noteHistory notes what happens in a history.
func noteHistory(h *history, seen map[string]int) {
	pending := map[fold.Key]map[string]bool{} // ids read up to by a user in a conversation
	joins, said := map[fold.Key]int{}, map[string]map[string]int{}
	for i, line := range h.log {
		c := &line.entry.Command
		if line.refused != "" {
			seen["refused: "+line.refused]++
			continue
		}
		k := fold.Key{User: c.Inbox, ConversationID: c.Conversation}
		switch c.Verb {
		case events.GroupMessage:
			if said[c.Inbox] == nil {
				said[c.Inbox] = map[string]int{}
			}
			said[c.Inbox][c.ID] = i
		case events.GroupJoin:
			for _, user := range c.Users {
				joins[fold.Key{User: user, ConversationID: fold.GroupKey(c.Inbox).ConversationID}] = i
			}
		case events.UserRead:
			if pending[k] == nil {
				pending[k] = map[string]bool{}
			}
			pending[k][c.Upto] = true
			if at, ok := said[k.ID][c.Upto]; ok && k.Kind == events.Group && at < joins[k] {
				seen["an id from before a join"]++
			}
		}
		for what, is := range map[string]bool{
			"id of a user": c.ID == "a", "id of 256 bytes": len(c.ID) == events.MaxID, "user of 256 bytes": len(c.Inbox) == events.MaxID,
			"control byte": strings.ContainsAny(c.ID+c.Inbox, "\x01\n\x7f"), "more pending reads than are kept": len(pending[k]) > events.MaxPendingReads,
		} {
			if is {
				seen[what]++
			}
		}
	}
}
