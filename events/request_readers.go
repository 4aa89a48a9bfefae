package events

import "fmt"

// GroupReceiptsRequest asks by how many members messages are read.
type GroupReceiptsRequest struct {
	Group string   `json:"group"`
	IDs   []string `json:"ids"` // 1 to MaxReceiptIDs messages
	Wait
}

// Validate reports what is wrong with the request.
func (r GroupReceiptsRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := CheckID("group", r.Group); err != nil {
		return err
	}
	if len(r.IDs) == 0 || len(r.IDs) > MaxReceiptIDs {
		return invalid(fmt.Sprintf("ids: want 1 to %d, got %d", MaxReceiptIDs, len(r.IDs)))
	}
	for _, id := range r.IDs {
		if err := CheckID("ids: an entry", id); err != nil {
			return err
		}
	}
	return nil
}

// ReadersRequest asks for one page of the members who have read a message, or have
// not, by user.
type ReadersRequest struct {
	Group string `json:"group"`
	ID    string `json:"id"`
	Read  *bool  `json:"read,omitempty"`  // nil: true, those who have
	Limit *int   `json:"limit,omitempty"` // users, 1 to MaxLimit; nil: DefaultLimit
	After string `json:"after,omitempty"` // Next of the page before; empty: the first one
	Wait
}

// Validate reports what is wrong with the request.
func (r ReadersRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := CheckID("group", r.Group); err != nil {
		return err
	}
	if err := CheckID("id", r.ID); err != nil {
		return err
	}
	return checkPage(r.Limit, r.After)
}

// HaveRead reports whether those who have read it are asked for.
func (r ReadersRequest) HaveRead() bool { return r.Read == nil || *r.Read }

// Most is how many users the page has at most.
func (r ReadersRequest) Most() int { return limitOf(r.Limit) }

// Halved returns the request with half the limit, for a reply that is too large;
// false if that is 1 already.
func (r ReadersRequest) Halved() (_ ReadersRequest, ok bool) {
	r.Limit, ok = halved(r.Limit)
	return r, ok
}
