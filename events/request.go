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
	QueryThreads       = "threads"
	QueryThread        = "thread"
	QueryGroupReceipts = "group-receipts"
	QueryReaders       = "readers"
	QueryExplain       = "explain"
	QueryReceipt       = "receipt"
	QueryWatch         = "watch"
	QueryStatus        = "status"
	QueryRebuild       = "rebuild"
	QuerySnapshot      = "snapshot"
	QueryHold          = "hold"
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
	Kind         Kind    `json:"kind,omitempty"`          // NoKind for both
	Label        *string `json:"label,omitempty"`         // only conversations with the label; empty: without any; nil: all
	Without      *string `json:"without,omitempty"`       // only conversations without the label
	IncludeMuted bool    `json:"include_muted,omitempty"` // conversations count whole, muted and archived ones too
	Mentioned    bool    `json:"mentioned,omitempty"`     // only conversations with unread mentions, with their whole counts
	Wait
}

// Filter is what the totals are asked of.
func (r TotalsRequest) Filter() Filter {
	return Filter{Kind: r.Kind, Label: r.Label, Without: orEmpty(r.Without), Mentioned: r.Mentioned, IncludeMuted: r.IncludeMuted}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Validate reports what is wrong with the request.
func (r TotalsRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	return checkFilter(r.Filter(), r.Without)
}

// ConversationsRequest asks for one page of a user's list, newest activity
// first.
type ConversationsRequest struct {
	UnreadOnly bool    `json:"unread_only,omitempty"` // only those with unread messages or the mark
	Mentioned  bool    `json:"mentioned,omitempty"`   // only those with unread mentions
	Kind       Kind    `json:"kind,omitempty"`        // NoKind for both
	Label      *string `json:"label,omitempty"`       // only those with the label; empty: without any; nil: all
	Without    *string `json:"without,omitempty"`     // only those without the label
	Limit      *int    `json:"limit,omitempty"`       // conversations, 1 to MaxLimit; nil: DefaultLimit
	After      string  `json:"after,omitempty"`       // Next of the page before; empty: the first one
	Wait
}

// ErrCursor is the answer to a page request whose "after" no reply has given.
var ErrCursor error = &Invalid{Reason: "after: not a cursor that a reply returned in next"}

// ErrLogCursor is the answer to an explain request whose "log_after" no reply has given.
var ErrLogCursor error = &Invalid{Reason: "log_after: not a cursor that a reply returned in log_next"}

// Validate reports what is wrong with the request, as far as the list itself
// need not be asked.
func (r ConversationsRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if err := checkFilter(r.Filter(), r.Without); err != nil {
		return err
	}
	return checkPage(r.Limit, r.After)
}

// Filter is which conversations the list is of.
func (r ConversationsRequest) Filter() Filter {
	return Filter{Kind: r.Kind, Label: r.Label, Without: orEmpty(r.Without), Mentioned: r.Mentioned}
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
	Thread       *string        `json:"thread,omitempty"` // why the count of the thread; empty: of the main timeline; nil: of the conversation
	Limit        *int           `json:"limit,omitempty"`  // messages named, 1 to MaxLimit; nil: DefaultLimit
	Log          bool           `json:"log,omitempty"`    // also the newest messages, whether they count or not: as many

	LogAfter string `json:"log_after,omitempty"` // LogNext of the reply before, for older messages of the log; empty: the newest
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
	if err := checkTimeline(r.Thread); err != nil {
		return err
	}
	if len(r.LogAfter) > MaxCursor {
		return ErrLogCursor
	}
	if r.LogAfter != "" && !r.Log {
		return invalid("log_after is for the log: ask for it with log")
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
	Peer   *string `json:"peer"`             // required
	Thread *string `json:"thread,omitempty"` // how far in the thread; empty: in the main timeline; nil: in the conversation
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
	if err := checkTimeline(r.Thread); err != nil {
		return err
	}
	return CheckID("peer", *r.Peer)
}

// HoldRequest asks that change events and receipts are held back for some time, and
// then sent once for all that has changed.
type HoldRequest struct {
	TTLMS uint64 `json:"ttl_ms"` // at most MaxHoldMS; 0 ends it
	Wait
}

// Validate reports what is wrong with the request.
func (r HoldRequest) Validate() error {
	if err := r.Wait.Validate(); err != nil {
		return err
	}
	if r.TTLMS > MaxHoldMS {
		return invalid(fmt.Sprintf("ttl_ms: want at most %d, got %d", MaxHoldMS, r.TTLMS))
	}
	return nil
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

func checkFilter(f Filter, without *string) error {
	if without != nil && *without == "" {
		return invalid("without is empty")
	}
	return f.Validate()
}

func checkTimeline(thread *string) error {
	if thread == nil || *thread == "" {
		return nil
	}
	return CheckID("thread", *thread)
}

func checkPage(limit *int, after string) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	if len(after) > MaxCursor {
		return ErrCursor
	}
	return nil
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
