package events

// ThreadsRequest asks for one page of the threads of a conversation, or of those that
// the user follows everywhere, newest activity first.
type ThreadsRequest struct {
	Conversation ConversationID `json:"conversation,omitzero"` // zero: everywhere
	Following    bool           `json:"following,omitempty"`   // only followed ones
	UnreadOnly   bool           `json:"unread_only,omitempty"` // only those with unread messages
	Limit        *int           `json:"limit,omitempty"`       // threads, 1 to MaxLimit; nil: DefaultLimit
	After        string         `json:"after,omitempty"`       // Next of the page before; empty: the first one
	Wait
}

// Validate reports what is wrong with the request.
func (r ThreadsRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if r.Conversation != (ConversationID{}) {
		if err := checkConversation(r.Conversation); err != nil {
			return err
		}
	}
	return checkPage(r.Limit, r.After)
}

// Most is how many threads the page has at most.
func (r ThreadsRequest) Most() int { return limitOf(r.Limit) }

// Halved returns the request with half the limit, for a reply that is too large;
// false if that is 1 already.
func (r ThreadsRequest) Halved() (_ ThreadsRequest, ok bool) {
	r.Limit, ok = halved(r.Limit)
	return r, ok
}

// ThreadRequest asks for one thread.
type ThreadRequest struct {
	Conversation ConversationID `json:"conversation"`
	Thread       *string        `json:"thread"` // required; empty: the main timeline
	Wait
}

// Validate reports what is wrong with the request.
func (r ThreadRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := checkConversation(r.Conversation); err != nil {
		return err
	}
	if r.Thread == nil {
		return invalid("thread is missing")
	}
	return checkTimeline(r.Thread)
}
