package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/twin"
)

// stored reads a stream from a sequence to its last message.
func stored(t *testing.T, nc *nats.Conn, name string, from uint64, each func(meta *jetstream.MsgMetadata, m jetstream.Msg)) {
	t.Helper()
	const pull = 5000 // messages asked for at a time
	stream, err := jetStream(t, nc).Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	last := stream.CachedInfo().State.LastSeq
	if from > last {
		return
	}
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(pull))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(waitTimeout))
		if err != nil {
			t.Fatalf("read stream %s: %v", name, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		each(meta, m)
		if meta.Sequence.Stream >= last {
			return
		}
	}
}

// history is what the rules make of the commands stored.
type history struct {
	model    *twin.Model
	last     events.Seq
	refused  []events.Seq
	payloads []string                             // by seq, from 1: subject and payload
	receipts map[string]map[string]events.Receipt // the last one that was sent, by user and peer; none of threads
}

// replay gives every stored command to the twin.
func replay(t *testing.T, nc *nats.Conn) *history {
	t.Helper()
	h := &history{model: twin.New(), payloads: []string{""}, receipts: map[string]map[string]events.Receipt{}}
	h.goOn(t, nc)
	return h
}

// goOn gives the twin what has been stored since.
func (h *history) goOn(t *testing.T, nc *nats.Conn) {
	t.Helper()
	s := subjects(t)
	var decoder events.Decoder
	var c events.Command
	stored(t, nc, s.CommandStream(), uint64(h.last)+1, func(meta *jetstream.MsgMetadata, m jetstream.Msg) {
		h.last++
		if got := events.Seq(meta.Sequence.Stream); got != h.last {
			t.Fatalf("the command stream goes from seq %d to %d", h.last-1, got)
		}
		h.payloads = append(h.payloads, m.Subject()+" "+string(m.Data()))
		target, err := s.ParseCommand(m.Subject())
		if err == nil {
			err = decoder.Decode(target, m.Data(), &c)
		}
		if err != nil {
			h.refused = append(h.refused, h.last)
			return
		}
		did := h.model.Apply(h.last, events.Time(meta.Timestamp.UnixMilli()), &c)
		if did.Refused != "" {
			h.refused = append(h.refused, h.last)
		}
		for _, r := range did.Receipts {
			if r.Thread != "" {
				continue
			}
			if h.receipts[r.User] == nil {
				h.receipts[r.User] = map[string]events.Receipt{}
			}
			h.receipts[r.User][r.Peer] = r
		}
	})
}

// compare asks for everything about every user and compares it with the twin.
// It returns the lists by user.
func (h *history) compare(t *testing.T, nc *nats.Conn) map[string]events.ConversationsReply {
	t.Helper()
	users := h.model.Users()
	byUser := make(map[string]events.ConversationsReply, len(users))
	for i, got := range lists(t, nc, users, false) {
		want := events.ConversationsReply{
			User: users[i], Version: h.model.Version(users[i]),
			Totals: h.model.Totals(users[i], events.NoKind, false), Conversations: h.model.Conversations(users[i]),
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("user %q after seq %d (- twin, + reddot):\n%s", users[i], h.last, diff)
		}
		byUser[users[i]] = got
	}
	return byUser
}

// timeline is of what a user's receipts are: the conversation with a peer, or a thread of it.
type timeline struct{ peer, thread string }

// mailbox is what the events have told of one user.
type mailbox struct {
	last     events.Change
	more     bool // the last event has further parts
	list     map[string]events.Conversation
	receipts map[timeline]events.Receipt // the last one of each
}

// mail is all events of a stream or a subscription, in their order.
type mail struct {
	boxes    map[string]*mailbox // by user
	refused  []events.Seq
	count    int
	receipts int
}

func newMail() *mail { return &mail{boxes: map[string]*mailbox{}} }

func (m *mail) box(user string) *mailbox {
	b := m.boxes[user]
	if b == nil {
		b = &mailbox{list: map[string]events.Conversation{}, receipts: map[timeline]events.Receipt{}}
		m.boxes[user] = b
	}
	return b
}

// enter takes one event in. No version may come twice or go backward, but for
// the parts of one change.
func (m *mail) enter(subject string, header nats.Header, data []byte) error {
	m.count++
	if strings.HasSuffix(subject, ".group-receipt") {
		return nil // versions of their own, and no part of the list
	}
	var e struct { // what tells the kinds of events apart
		Peer string     `json:"peer" msgpack:"peer"`
		Seq  events.Seq `json:"seq" msgpack:"seq"`
	}
	contentType := header.Get("Content-Type")
	if err := events.Unmarshal(contentType, data, &e); err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	switch {
	case e.Seq > 0:
		if n := len(m.refused); n > 0 && m.refused[n-1] >= e.Seq {
			return fmt.Errorf("the refusal of %d comes after that of %d", e.Seq, m.refused[n-1])
		}
		m.refused = append(m.refused, e.Seq)
		return nil
	case e.Peer != "":
		var receipt events.Receipt
		if err := events.Unmarshal(contentType, data, &receipt); err != nil {
			return err
		}
		return m.receipt(receipt)
	}
	var change events.Change
	if err := events.Unmarshal(contentType, data, &change); err != nil {
		return err
	}
	return m.change(change, header.Get("Reddot-More") != "")
}

func (m *mail) receipt(r events.Receipt) error {
	m.receipts++
	box := m.box(r.User)
	// The main timeline's is written as the conversation's: both can be due at once.
	of := timeline{r.Peer, r.Thread}
	if before, ok := box.receipts[of]; ok && (before.Version > r.Version || before == r) {
		return fmt.Errorf("user %q: receipt of %v with version %d after one with %d", r.User, of, r.Version, before.Version)
	}
	box.receipts[of] = r
	return nil
}

func (m *mail) change(c events.Change, more bool) error {
	box := m.box(c.User)
	if c.Version < box.last.Version || c.Version == box.last.Version && !box.more {
		return fmt.Errorf("user %q: change with version %d after one with %d", c.User, c.Version, box.last.Version)
	}
	box.last, box.more = c, more
	for _, v := range c.Conversations {
		box.list[v.Conversation] = v
	}
	for _, name := range c.Removed {
		delete(box.list, name)
	}
	return nil
}

// storedMail reads the stored events from a sequence on. To have all of them,
// settle first.
func storedMail(t *testing.T, nc *nats.Conn, from uint64) *mail {
	t.Helper()
	m := newMail()
	stored(t, nc, subjects(t).EventStream(), from, func(meta *jetstream.MsgMetadata, msg jetstream.Msg) {
		if strings.Contains(msg.Subject(), "-out.fence-") {
			return // for reddots only
		}
		if err := m.enter(msg.Subject(), msg.Headers(), msg.Data()); err != nil {
			t.Errorf("event %d: %v", meta.Sequence.Stream, err)
		}
	})
	return m
}

// compare checks that who has followed the events knows what the queries
// answer: every list, the totals, the receipts, the refusals.
func (m *mail) compare(t *testing.T, h *history, queries map[string]events.ConversationsReply) {
	t.Helper()
	for user, want := range queries {
		box := m.box(user)
		list := make(map[string]events.Conversation, len(want.Conversations))
		for _, c := range want.Conversations {
			list[c.Conversation] = c
		}
		if diff := cmp.Diff(list, box.list, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("user %q: the events add up to something else (- query, + events):\n%s", user, diff)
		}
		for peer := range queries {
			r, ok := h.model.Receipt(user, peer, nil)
			ok = ok && h.receipts[user][peer].Version == r.Version // else it was imported
			if got := box.receipts[timeline{peer, ""}]; ok && (got.Upto != r.Upto || got.At != r.At) {
				t.Errorf("user %q: the last receipt of %q is %+v, want %+v", user, peer, got, r)
			}
		}
		box.compareLast(t, user, want)
	}
	if diff := cmp.Diff(h.refused, m.refused, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("refusals (- twin, + events):\n%s", diff)
	}
}

// compareLast checks that a user's last event equals a query.
func (b *mailbox) compareLast(t *testing.T, user string, want events.ConversationsReply) {
	t.Helper()
	if b.last.Version != want.Version || b.last.Totals != want.Totals {
		t.Errorf("user %q: the last event has version %d and totals %+v, the query %d and %+v",
			user, b.last.Version, b.last.Totals, want.Version, want.Totals)
	}
	list := make(map[string]events.Conversation, len(want.Conversations))
	for _, c := range want.Conversations {
		list[c.Conversation] = c
	}
	for _, c := range b.last.Conversations {
		if diff := cmp.Diff(list[c.Conversation], c); diff != "" {
			t.Errorf("user %q: %s in the last event (- query, + event):\n%s", user, c.Conversation, diff)
		}
	}
}

// listener is a plain subscriber of all events, across reconnects.
type listener struct {
	nc   *nats.Conn
	subs []*nats.Subscription
	mail *mail
}

func listen(t *testing.T, nc *nats.Conn) *listener {
	t.Helper()
	l := &listener{nc: nc, mail: newMail()}
	s := subjects(t)
	for _, subject := range []string{s.Prefix() + ".evt.>", s.Rejected()} {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := sub.SetPendingLimits(-1, -1); err != nil {
			t.Fatal(err)
		}
		l.subs = append(l.subs, sub)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return l
}

// take takes in everything that the server has sent so far and calls each
// with it, if it is not nil.
func (l *listener) take(t *testing.T, each func(*nats.Msg)) *mail {
	t.Helper()
	if err := l.nc.FlushTimeout(waitTimeout); err != nil {
		t.Fatal(err)
	}
	for _, sub := range l.subs {
		pending, _, err := sub.Pending()
		if err != nil {
			t.Fatal(err)
		}
		for range pending {
			msg, err := sub.NextMsg(waitTimeout)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.mail.enter(msg.Subject, msg.Header, msg.Data); err != nil {
				t.Errorf("heard: %v", err)
			}
			if each != nil {
				each(msg)
			}
		}
	}
	return l.mail
}
