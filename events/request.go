package events

import (
	"fmt"
	"time"
)

// Names of the queries: the last token of a query's subject.
const (
	QueryTotals        = "totals"
	QueryConversations = "conversations"
	QueryConversation  = "conversation"
	QueryExplain       = "explain"
	QueryReceipt       = "receipt"
	QueryWatch         = "watch"
	QueryStatus        = "status"
	QueryRebuild       = "rebuild"
	QuerySnapshot      = "snapshot"
)

// Wait is what every request may carry: the answer then shows what the command
// AfterSeq did, that of a status that its events are stored too.
type Wait struct {
	AfterSeq  Seq     `json:"after_seq,omitempty"`  // 0: the answer waits for nothing
	TimeoutMS *uint64 `json:"timeout_ms,omitempty"` // how long it waits, at most MaxWaitMS; nil: DefaultWaitMS
}

// Validate reports as an [*Invalid] why the request is answered ErrBadRequest;
// so do those of the requests.
func (w Wait) Validate() error {
	if w.TimeoutMS != nil && *w.TimeoutMS > MaxWaitMS {
		return invalid(fmt.Sprintf("timeout_ms: want at most %d, got %d", MaxWaitMS, *w.TimeoutMS))
	}
	return nil
}

// Awaits returns the command that the answer waits for, 0 for none, and how long
// it does.
func (w Wait) Awaits() (Seq, time.Duration) {
	timeout := uint64(DefaultWaitMS)
	if w.TimeoutMS != nil {
		timeout = *w.TimeoutMS
	}
	return w.AfterSeq, time.Duration(timeout) * time.Millisecond
}

// TotalsRequest asks for a user's totals.
type TotalsRequest struct {
	Kind         Kind `json:"kind,omitempty"`          // NoKind for both
	IncludeMuted bool `json:"include_muted,omitempty"` // muted conversations count like the others
	Mentioned    bool `json:"mentioned,omitempty"`     // only conversations with unread mentions, with their whole counts
	Wait
}

// Validate reports what is wrong with the request.
func (r TotalsRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	return checkKind(r.Kind)
}

// ConversationsRequest asks for one page of a user's list, newest activity
// first.
type ConversationsRequest struct {
	UnreadOnly bool   `json:"unread_only,omitempty"` // only those with unread messages or the mark
	Mentioned  bool   `json:"mentioned,omitempty"`   // only those with unread mentions
	Kind       Kind   `json:"kind,omitempty"`        // NoKind for both
	Limit      *int   `json:"limit,omitempty"`       // conversations, 1 to MaxLimit; nil: DefaultLimit
	After      string `json:"after,omitempty"`       // Next of the page before; empty: the first one
	Wait
}

// ErrCursor is the answer to a page request whose "after" no reply has given.
var ErrCursor error = &Invalid{Reason: "after: not a cursor that a reply returned in next"}

// Validate reports what is wrong with the request, as far as the list itself
// need not be asked.
func (r ConversationsRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := checkKind(r.Kind); err != nil {
		return err
	}
	if err := checkLimit(r.Limit); err != nil {
		return err
	}
	if len(r.After) > MaxCursor {
		return ErrCursor
	}
	return nil
}

// Most is how many conversations the page has at most.
func (r ConversationsRequest) Most() int { return limitOf(r.Limit) }

// Halved returns the request with half the limit, for a reply that is too large;
// false if that is 1 already.
func (r ConversationsRequest) Halved() (_ ConversationsRequest, ok bool) {
	r.Limit, ok = halved(r.Limit)
	return r, ok
}

// ConversationRequest asks for one conversation of a user's list.
type ConversationRequest struct {
	Conversation ConversationID `json:"conversation"`
	Wait
}

// Validate reports what is wrong with the request.
func (r ConversationRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	return checkConversation(r.Conversation)
}

// ExplainRequest asks why the count of a conversation is what it is.
type ExplainRequest struct {
	Conversation ConversationID `json:"conversation"`
	Limit        *int           `json:"limit,omitempty"` // messages named, 1 to MaxLimit; nil: DefaultLimit
	Wait
}

// Validate reports what is wrong with the request.
func (r ExplainRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := checkConversation(r.Conversation); err != nil {
		return err
	}
	return checkLimit(r.Limit)
}

// Most is how many messages the reply names at most.
func (r ExplainRequest) Most() int { return limitOf(r.Limit) }

// Halved returns the request with half the limit, for a reply that is too large;
// false if that is 1 already.
func (r ExplainRequest) Halved() (_ ExplainRequest, ok bool) {
	r.Limit, ok = halved(r.Limit)
	return r, ok
}

// ReceiptRequest asks how far a peer has read a user's messages.
type ReceiptRequest struct {
	Peer *string `json:"peer"` // required
	Wait
}

// Validate reports what is wrong with the request.
func (r ReceiptRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if r.Peer == nil {
		return invalid("peer is missing")
	}
	return CheckID("peer", *r.Peer)
}

// WatchRequest asks for the change events of groups of any size, for as long as
// WatchLease.
type WatchRequest struct{ Wait }

// StatusRequest asks for the status.
type StatusRequest struct{ Wait }

// RebuildRequest asks for a rebuild of the store from the log.
type RebuildRequest struct{ Wait }

// SnapshotRequest asks for a snapshot.
type SnapshotRequest struct{ Wait }

func checkKind(k Kind) error {
	if k == NoKind {
		return nil
	}
	_, err := ParseKind(k.String())
	return err
}

func checkConversation(c ConversationID) error {
	if c == (ConversationID{}) {
		return invalid("conversation is missing")
	}
	_, err := ParseConversation(c.String())
	return err
}

func checkLimit(n *int) error {
	if n != nil && (*n < 1 || *n > MaxLimit) {
		return invalid(fmt.Sprintf("limit: want 1 to %d, got %d", MaxLimit, *n))
	}
	return nil
}

func limitOf(n *int) int {
	if n == nil {
		return DefaultLimit
	}
	return *n
}

func halved(n *int) (*int, bool) {
	half := limitOf(n) / 2
	return &half, half > 0
}
