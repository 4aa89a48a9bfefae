package fold

import "reddot/events"

// Reasons for which a rule refuses a command.
const (
	ReasonOtherSender = "the id is another sender's message" // rule once

	// Rule stranger.
	ReasonNotMember = "not a member of the group"
	ReasonNoMessage = "the conversation does not have the message"

	// Rules label, filter and block.
	ReasonLabels  = "more than 32 labels"
	ReasonFilters = "more than 20 filters"
	ReasonBlocked = "more than 1000 blocked users"
)

// RefusalOf returns the kind of a reason that a command was refused for: one of the
// rules' above, or one of [events.RefusalOf].
func RefusalOf(reason string) events.Refusal {
	switch reason {
	case ReasonOtherSender:
		return events.RefusedOtherSender
	case ReasonNotMember:
		return events.RefusedNotMember
	case ReasonNoMessage:
		return events.RefusedNoMessage
	case ReasonLabels, ReasonFilters, ReasonBlocked:
		return events.RefusedTooMany
	}
	return events.RefusalOf(reason)
}
