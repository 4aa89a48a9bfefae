package events

// ResumeRequest asks for what has changed for a user since what the user has been told.
type ResumeRequest struct {
	Since    Seq  `json:"since,omitempty"`    // the user has been told all changes up to here; 0: nothing
	All      bool `json:"all,omitempty"`      // the whole list is wanted, whatever has been told
	Receipts *Seq `json:"receipts,omitempty"` // receipts after it are wanted; nil: none are
	Wait
}

// ResumeReply answers a ResumeRequest. Of what was told it has to be told in this order:
// with the whole list, or if Lost, all of it is forgotten; Returned is told as removed; then
// the rest.
type ResumeReply struct {
	User    string `json:"user"`
	Version Seq    `json:"version"`

	// Lost says that something told is gone and not known any more: conversations that were
	// left, dismissed or erased. Conversations and Threads are then the whole list.
	Lost bool `json:"lost,omitempty"`

	Totals        Totals         `json:"totals"`
	Filters       NamedTotals    `json:"filters,omitempty"` // of the filters that the user keeps
	Conversations []Conversation `json:"conversations"`     // of the list, newest activity first: all, or those that have changed
	Removed       []string       `json:"removed,omitempty"` // not in the list any more

	// Returned are those of Conversations that have left the list in the meantime, and with
	// it the threads that were followed there.
	Returned []string `json:"returned,omitempty"`

	Threads []Thread `json:"threads,omitempty"` // followed: all, or those that have changed or are followed no more

	Receipts      []Receipt       `json:"receipts,omitempty"`       // of peers of the list, by version
	GroupReceipts []GroupReceipts `json:"group_receipts,omitempty"` // of groups of the list, by version
}
