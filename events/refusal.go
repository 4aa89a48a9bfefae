package events

import "strings"

// Refusal is why a command is refused, coarse enough to count by: whatever
// commands hold, there are no more of them than these.
type Refusal uint8

// The refusals. Their numbers are stored: new ones come last.
const (
	NoRefusal          Refusal = iota
	RefusedSubject             // a subject that is no command's, or that spells an id wrong
	RefusedVerb                // an unknown verb
	RefusedPayload             // bytes that are no payload
	RefusedLimit               // an id, a list or a payload that is too large
	RefusedMissing             // a field that is missing
	RefusedUnknown             // an unknown field
	RefusedValue               // a field's value
	RefusedNotMember           // a user who is not a member of the group (rule stranger)
	RefusedNoMessage           // a message that the conversation does not have (rule stranger)
	RefusedOtherSender         // an id that is another sender's message (rule once)
	RefusedOther               // anything else
	RefusedTooMany             // one more than the labels, filters or blocked users that there may be
	refusals                   // how many there are
)

var refusalNames = [refusals]string{
	RefusedSubject: "subject", RefusedVerb: "verb", RefusedPayload: "payload", RefusedLimit: "limit",
	RefusedMissing: "missing_field", RefusedUnknown: "unknown_field", RefusedValue: "value",
	RefusedNotMember: "not_member", RefusedNoMessage: "no_message", RefusedOtherSender: "other_sender",
	RefusedOther: "other", RefusedTooMany: "too_many",
}

// Refusals returns every refusal, in order.
func Refusals() []Refusal {
	all := make([]Refusal, 0, refusals-1)
	for r := NoRefusal + 1; r < refusals; r++ {
		all = append(all, r)
	}
	return all
}

// String returns the refusal's name, as in "not_member".
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return ""
}

// RefusalOf returns what kind of reason an [*Invalid] gives. Reasons are the same
// at every replay, and so is what they are counted as.
func RefusalOf(reason string) Refusal {
	switch {
	case reason == "":
		return NoRefusal
	case reason == "unknown verb":
		return RefusedVerb
	case strings.HasPrefix(reason, "unknown field "):
		return RefusedUnknown
	case reason == reasonSize, reason == reasonItems, strings.Contains(reason, " entries"),
		strings.Contains(reason, " is longer than "):
		return RefusedLimit
	case strings.HasPrefix(reason, "subject "):
		return RefusedSubject
	case strings.HasPrefix(reason, "payload "):
		return RefusedPayload
	case strings.HasSuffix(reason, " is missing"):
		return RefusedMissing
	case strings.Contains(reason, " is "), strings.Contains(reason, " holds "), strings.Contains(reason, " has no "),
		strings.Contains(reason, " neither "):
		return RefusedValue
	}
	return RefusedOther
}
