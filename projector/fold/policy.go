package fold

import "reddot/events"

// Policies are what commands do by, from the policy command on that set them.
type Policies struct {
	Own      events.OwnPolicy
	Threads  events.ThreadPolicy
	Receipts events.ReceiptPolicy
}

// DefaultPolicies hold before the first policy command.
func DefaultPolicies() Policies {
	return Policies{Own: events.OwnKeep, Threads: events.ThreadsIn, Receipts: events.ReceiptsOff}
}

// policy sets what holds from here on.
func (s *step) policy() {
	was := s.Policies()
	is := was
	if s.c.OwnMessage != events.NoPolicy {
		is.Own = s.c.OwnMessage
	}
	if s.c.ThreadPolicy != events.NoThreadPolicy {
		is.Threads = s.c.ThreadPolicy
	}
	if s.c.GroupReceipts != events.NoReceiptPolicy {
		is.Receipts = s.c.GroupReceipts
	}
	if is == was {
		s.ignore()
		return
	}
	s.SetPolicies(is)
}
