package fold

import "reddot/events"

// RefusalOf tells what kind of reason a command was refused for: one of the
// rules', or one of [events.RefusalOf].
func RefusalOf(reason string) events.Refusal {
	switch reason {
	case ReasonOtherSender:
		return events.RefusedOtherSender
	case ReasonNotMember:
		return events.RefusedNotMember
	case ReasonNoMessage:
		return events.RefusedNoMessage
	}
	return events.RefusalOf(reason)
}
