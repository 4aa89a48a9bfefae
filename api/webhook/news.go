package webhook

import (
	"strings"

	"reddot/events"
)

// received is a stored event, read.
type received struct {
	user   string // empty: it is about none
	change *events.Change
	others []*item // one at most, that is no change's

	place uint64
	again bool   // it was handed out before
	lost  uint64 // events up to this place were gone before they were handed out; 0: none
	from  source
	bytes int
}

// read reads a stored event by the end of its subject. What is none, as what writers of the stream tell each
// other, or can't be read is nothing to tell: then it is the zero value.
func read(subject, contentType string, data []byte) (r received) {
	// <prefix>-out.<partition>.evt.<user>.<event>, or <prefix>-out.<partition>.rejected
	_, rest, _ := strings.Cut(subject, ".")
	_, rest, _ = strings.Cut(rest, ".")
	if rest == "rejected" {
		v := &events.Rejected{}
		if events.Unmarshal(contentType, data, v) == nil {
			r.user, _ = inboxUser(v.Subject)
			r.others = []*item{{kind: CommandRefused, lane: refusedLane(v.Seq), pieces: []*piece{{at: v.At, rejected: v}}}}
		}
		return r
	}
	rest, ok := strings.CutPrefix(rest, "evt.")
	token, event, _ := strings.Cut(rest, ".")
	user, err := events.UnescapeToken(token)
	if !ok || err != nil {
		return r
	}
	switch event {
	case "change":
		c := &events.Change{}
		if events.Unmarshal(contentType, data, c) == nil && c.User == user {
			r.user, r.change = user, c
		}
	case "receipt":
		v := &events.Receipt{}
		if events.Unmarshal(contentType, data, v) == nil && v.User == user {
			r.user = user
			r.others = []*item{{kind: ReceiptCreated, lane: user, user: user, key: receiptKey(v), pieces: []*piece{{at: v.At, receipt: v}}}}
		}
	case "group-receipt":
		v := &events.GroupReceipts{}
		if events.Unmarshal(contentType, data, v) == nil && v.User == user {
			r.user = user
			r.others = []*item{{kind: GroupReceiptChanged, lane: user, user: user, key: groupKey(v.Group), pieces: []*piece{{at: v.At, group: v}}}}
		}
	}
	return r
}

// inboxUser is the user that the subject of a command names.
func inboxUser(subject string) (string, bool) {
	_, rest, ok := strings.Cut(subject, ".cmd.user.")
	token, _, _ := strings.Cut(rest, ".")
	user, err := events.UnescapeToken(token)
	return user, ok && err == nil
}

// items are what an endpoint is told of an event.
func (r *received) items(e *Endpoint) (all []*item) {
	if !e.about(r.user) {
		return nil
	}
	if c := r.change; c != nil {
		if e.wants(BadgeChanged) {
			b := &badge{version: c.Version, at: c.At, totals: c.Totals}
			b.cause, b.asks = causeOf(c)
			all = append(all, &item{kind: BadgeChanged, lane: c.User, user: c.User, key: badgeKey, pieces: []*piece{{at: c.At, badge: b}}})
		}
		if e.wants(ConversationChanged) {
			all = append(all, &item{kind: ConversationChanged, lane: c.User, user: c.User, key: changeKey, pieces: []*piece{{at: c.At, change: c}}})
		}
	}
	for _, it := range r.others {
		if e.wants(it.kind) {
			all = append(all, it)
		}
	}
	return all
}
