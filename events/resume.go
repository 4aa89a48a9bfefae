package events

// QueryResume is the name of the query that streams are told a user's state by. Nobody
// asks it over HTTP or NATS.
const QueryResume = "resume"

// ResumeRequest asks for what has changed for a user since the user was told last.
type ResumeRequest struct {
	Since    Seq  `json:"since,omitempty"`    // of changes the user was told all up to here; 0: none
	All      bool `json:"all,omitempty"`      // the whole list is wanted whatever was told
	Receipts *Seq `json:"receipts,omitempty"` // those with a version after it; nil: none are wanted
	Wait
}

// ResumeReply answers a ResumeRequest.
type ResumeReply struct {
	User    string `json:"user"`
	Version Seq    `json:"version"`

	// Lost is set where a row of the user's is gone since: left, dismissed or erased. Then
	// Conversations and Threads are all there are.
	Lost bool `json:"lost,omitempty"`

	Totals        Totals          `json:"totals"`
	Filters       NamedTotals     `json:"filters,omitempty"`
	Conversations []Conversation  `json:"conversations"`     // all, or those that have changed since; newest activity first
	Removed       []string        `json:"removed,omitempty"` // those that have left the list since
	Threads       []Thread        `json:"threads,omitempty"` // followed ones, as Conversations
	Receipts      []Receipt       `json:"receipts,omitempty"`
	GroupReceipts []GroupReceipts `json:"group_receipts,omitempty"`
}
