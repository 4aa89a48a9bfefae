package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/twin"
)

// twinSource is a Source that answers from the twin model. Its stream is what
// was applied to it.
type twinSource struct {
	// hook, if not nil, is called before each method does its work, with its
	// name; an error is the method's result. It may block, and panic.
	hook func(method string) error

	// watched, if not nil, is called with each watch.
	watched chan<- string

	// newest, if not nil, is what has to be waited for before any answer.
	newest func(context.Context) error

	wanted atomic.Pointer[func() error] // by who opened the last view

	mu      sync.RWMutex
	model   *twin.Model
	applied events.Seq
	emitted events.Seq
	moved   chan struct{} // closed and made again when applied or emitted moves
}

func newTwinSource() *twinSource {
	return &twinSource{model: twin.New(), moved: make(chan struct{})}
}

func (s *twinSource) called(method string) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(method)
}

// apply applies a command and, unless held back, emits it.
func (s *twinSource) apply(now events.Time, c *events.Command, emit bool) twin.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied++
	r := s.model.Apply(s.applied, now, c)
	if emit {
		s.emitted = s.applied
	}
	s.moveLocked()
	return r
}

func (s *twinSource) emit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emitted = s.applied
	s.moveLocked()
}

func (s *twinSource) moveLocked() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// message applies one C2C message to user and returns its seq.
func (s *twinSource) message(tb testing.TB, user, from, id string) events.Seq {
	tb.Helper()
	c := events.Command{Verb: events.UserMessage, Inbox: user, ID: id, From: from}
	if r := s.apply(1_000, &c, true); r.Refused != "" {
		tb.Fatalf("message refused: %s", r.Refused)
	}
	return s.position()
}

func (s *twinSource) position() events.Seq {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.applied
}

func (s *twinSource) users() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.model.Users()
}

func (s *twinSource) Fresh() error { return s.called("Fresh") }

func (s *twinSource) View() (View, error) {
	if err := s.called("View"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	return &twinView{s}, nil
}

func (s *twinSource) wait(ctx context.Context, reached func() bool) error {
	for {
		s.mu.RLock()
		done, moved := reached(), s.moved
		s.mu.RUnlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *twinSource) Newest() func(context.Context) error { return s.newest }

func (s *twinSource) WaitApplied(ctx context.Context, seq events.Seq) error {
	if err := s.called("WaitApplied"); err != nil {
		return err
	}
	return s.wait(ctx, func() bool { return s.applied >= seq })
}

func (s *twinSource) WaitEmitted(ctx context.Context, seq events.Seq) error {
	if err := s.called("WaitEmitted"); err != nil {
		return err
	}
	return s.wait(ctx, func() bool { return s.emitted >= seq })
}

func (s *twinSource) Status(ctx context.Context) (events.Status, error) {
	if err := s.called("Status"); err != nil {
		return events.Status{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return events.Status{
		Applied: s.applied, Emitted: s.emitted, Durable: s.applied, Last: s.applied,
		Digest: 0xaa, Policy: s.model.Policy(),
		Commands: map[string]uint64{}, Stream: "UNREAD_COMMANDS", State: "live",
	}, ctx.Err()
}

func (s *twinSource) Watch(user string) (events.Time, error) {
	if s.watched != nil {
		s.watched <- user
	}
	return 60_000, s.called("Watch")
}

func (s *twinSource) Hold(ttl time.Duration) (events.Time, error) {
	if s.watched != nil {
		s.watched <- ttl.String()
	}
	return events.Time(ttl.Milliseconds()), s.called("Hold")
}

// twinView holds the source's lock, so that nothing is applied until it closes.
type twinView struct{ s *twinSource }

func (v *twinView) Applied() events.Seq { return v.s.applied }

func (v *twinView) Until(wanted func() error) { v.s.wanted.Store(&wanted) }

func (v *twinView) Close() error {
	v.s.mu.RUnlock()
	return nil
}

func (v *twinView) Version(user string) (events.Seq, error) {
	return v.s.model.Version(user), v.s.called("Version")
}

func (v *twinView) Some(user string, q events.ConversationsGetRequest) (events.ConversationsGetReply, error) {
	reply := events.ConversationsGetReply{User: user, Version: v.s.model.Version(user), Conversations: []events.Conversation{}}
	for _, id := range q.Conversations {
		if c, err := v.Conversation(user, id); err == nil {
			reply.Conversations = append(reply.Conversations, c.Conversation)
		}
	}
	return reply, v.s.called("Some")
}

// Resume is the whole list: what has changed is not the model's.
func (v *twinView) Resume(user string, q events.ResumeRequest) (events.ResumeReply, error) {
	m := v.s.model
	return events.ResumeReply{
		User: user, Version: m.Version(user), Lost: q.Since > 0 && !q.All, Totals: m.Totals(user, events.NoKind, false),
		Conversations: m.Conversations(user),
	}, v.s.called("Resume")
}

func (v *twinView) TotalsOf(q events.TotalsBatchRequest) (reply events.TotalsBatchReply, err error) {
	reply.Applied = v.Applied()
	for _, user := range q.Users {
		one, err := v.Totals(user, events.TotalsRequest{Kind: q.Kind, IncludeMuted: q.IncludeMuted})
		if err != nil {
			return reply, err
		}
		reply.Totals = append(reply.Totals, events.UserTotals{User: user, Version: one.Version, Totals: one.Totals})
	}
	return reply, v.s.called("TotalsOf")
}

func (v *twinView) Users(q events.UsersRequest) (events.UsersReply, error) {
	users := v.s.model.Users()
	slices.Sort(users)
	users = slices.DeleteFunc(users, func(user string) bool { return !strings.HasPrefix(user, q.Prefix) })
	page, next, err := paged(users, q.After, q.Most())
	return events.UsersReply{Users: page, Next: next}, err
}

func (v *twinView) Group(group string) (events.GroupReply, error) {
	return events.GroupReply{}, events.ErrNotFound
}

func (v *twinView) Members(events.MembersRequest) (events.MembersReply, error) {
	return events.MembersReply{}, events.ErrNotFound
}

func (v *twinView) Totals(user string, q events.TotalsRequest) (events.TotalsReply, error) {
	m := v.s.model
	return events.TotalsReply{
		User: user, Version: m.Version(user), Totals: m.TotalsOf(user, q.Filter()), Filters: m.Filters(user),
	}, v.s.called("Totals")
}

func (v *twinView) Conversations(user string, q events.ConversationsRequest) (events.ConversationsReply, error) {
	m := v.s.model
	reply := events.ConversationsReply{User: user, Version: m.Version(user), Totals: m.Totals(user, events.NoKind, false)}
	var err error
	reply.Conversations, reply.Next, err = paged(m.ConversationsOf(user, q), q.After, q.Most())
	return reply, err
}

// paged is one page of a list; the cursor is its place.
func paged[T any](all []T, after string, most int) (page []T, next string, err error) {
	from := 0
	if after != "" {
		if from, err = strconv.Atoi(after); err != nil || from < 0 || from > len(all) {
			return nil, "", fmt.Errorf("page after %q: %w", after, events.ErrCursor)
		}
	}
	to := min(from+most, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return append([]T{}, all[from:to]...), next, nil
}

func (v *twinView) Threads(user string, q events.ThreadsRequest) (events.ThreadsReply, error) {
	m := v.s.model
	reply := events.ThreadsReply{User: user, Version: m.Version(user)}
	all, ok := m.Threads(user, q)
	if !ok {
		return reply, events.ErrNotFound
	}
	var err error
	reply.Threads, reply.Next, err = paged(all, q.After, q.Most())
	return reply, err
}

func (v *twinView) Thread(user string, id events.ConversationID, thread string) (events.ThreadReply, error) {
	m := v.s.model
	t, ok := m.Thread(user, id.String(), thread)
	if !ok {
		return events.ThreadReply{}, events.ErrNotFound
	}
	return events.ThreadReply{User: user, Version: m.Version(user), Thread: t}, nil
}

func (v *twinView) GroupReceipts(user string, q events.GroupReceiptsRequest) (events.GroupReceiptsReply, error) {
	m := v.s.model
	all, err := m.GroupReceipts(user, q)
	return events.GroupReceiptsReply{User: user, Version: m.Version(user), Receipts: all}, err
}

func (v *twinView) Readers(user string, q events.ReadersRequest) (events.ReadersReply, error) {
	reply, err := v.s.model.Readers(user, q)
	if err != nil {
		return reply, err
	}
	reply.Users, reply.Next, err = paged(reply.Users, q.After, q.Most())
	return reply, err
}

func (v *twinView) Conversation(user string, id events.ConversationID) (events.ConversationReply, error) {
	m := v.s.model
	for _, c := range m.Conversations(user) {
		if c.Conversation == id.String() {
			return events.ConversationReply{User: user, Version: m.Version(user), Conversation: c}, nil
		}
	}
	return events.ConversationReply{}, fmt.Errorf("find %s: %w", id, events.ErrNotFound)
}

func (v *twinView) Explain(user string, q events.ExplainRequest) (events.Explanation, error) {
	e, ok := v.s.model.Explain(user, q.Conversation.String(), q.Thread, q.Most())
	if !ok {
		return e, events.ErrNotFound
	}
	return e, nil
}

func (v *twinView) Receipt(user, peer string, thread *string) (events.ReceiptReply, error) {
	r, ok := v.s.model.Receipt(user, peer, thread)
	if !ok {
		return r, events.ErrNotFound
	}
	return r, nil
}
