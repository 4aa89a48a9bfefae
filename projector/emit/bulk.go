package emit

import (
	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// bulk is what commands did to so many conversations at once that the fold does
// not name them: those whose rows are still there when they are told are read from
// the rows, of the others the fold has told when it swept them.
type bulk struct {
	begun []*fold.Sweep
	swept []fold.Told
}

func (b *bulk) add(begun *fold.Sweep, swept []fold.Told) {
	if begun != nil {
		b.begun = append(b.begun, begun)
	}
	b.swept = append(b.swept, swept...)
}

// spread marks the users whom bulk is about, as the rows are in a snapshot. What
// was done up to since has been told.
func (m *Marks) spread(snap *store.Snapshot, since events.Seq) error {
	for _, t := range m.bulk.swept {
		m.ended(t.Key, stamp{t.Seq, t.At}, since)
	}
	for _, w := range m.bulk.begun {
		if w.Seq <= since {
			continue
		}
		for last, more := "", true; more; more = last != "" {
			keys, next, err := snap.Unswept(w, last)
			if err != nil {
				return err
			}
			for _, k := range keys {
				m.ended(k, stamp{w.Seq, w.At}, since)
			}
			last = next
		}
	}
	m.bulk = bulk{}
	return nil
}

// ended marks a conversation that left the list by a command.
func (m *Marks) ended(k fold.Key, by stamp, since events.Seq) {
	if by.seq > since {
		m.user(k.User, by).conversations.at(k.ConversationID)
	}
}
