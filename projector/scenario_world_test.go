package projector_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// world is a projector with its streams, and those who listen to it.
type world struct {
	*testing.T
	line  string // of the script, for errors
	began events.Time

	js       jetstream.JetStream
	conn     *nats.Conn
	subjects events.Subjects
	dir      string
	limit    uint64 // of fan-out; 0: all are notified

	projector *projector.Projector
	cancel    context.CancelFunc
	ended     chan error

	last      events.Seq // command published
	read      uint64     // event read
	users     map[string]bool
	filtered  map[string]events.Filter // by user and name
	listeners map[string]*listener
}

func newWorld(t *testing.T, url, prefix string) *world {
	w := &world{
		T: t, began: events.Time(now()), dir: t.TempDir(),
		users: map[string]bool{}, filtered: map[string]events.Filter{}, listeners: map[string]*listener{},
	}
	var err error
	w.conn, err = nats.Connect(url)
	w.check(err)
	t.Cleanup(w.conn.Close)
	w.js, err = jetstream.New(w.conn)
	w.check(err)
	w.subjects, err = events.NewSubjects(prefix)
	w.check(err)
	w.start()
	t.Cleanup(w.stop)
	return w
}

func now() int64 { return time.Now().UnixMilli() }

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", w.line, err)
	}
}

// start opens the projector and waits until all its events are stored.
func (w *world) start() {
	limit := w.limit
	if limit == 0 {
		limit = 1_000
	}
	var err error
	w.projector, err = projector.Open(w.Context(), projector.Config{
		Conn: w.conn, Subjects: w.subjects, Dir: w.dir, Logger: slog.New(slog.DiscardHandler), FanoutLimit: limit,
	})
	w.check(err)
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.projector.Run(ctx) }()
	w.wait(w.last)
}

// stop ends the projector; twice is once.
func (w *world) stop() {
	if w.projector == nil {
		return
	}
	w.cancel()
	w.check(<-w.ended)
	w.check(w.projector.Close())
	w.projector = nil
}

// publish stores a command. subject lacks the prefix.
func (w *world) publish(subject string, payload []byte) events.Seq {
	w.publishAsync(subject, payload)
	w.flush()
	return w.last
}

func (w *world) publishAsync(subject string, payload []byte) {
	subject = w.subjects.Prefix() + ".cmd." + subject
	var c events.Command
	if w.subjects.Decode(subject, payload, &c) == nil {
		if strings.HasPrefix(c.Verb.String(), "user.") {
			w.users[c.Inbox] = true
		}
		for _, user := range c.Users {
			w.users[user] = true
		}
		if c.Filter != nil {
			w.filtered[c.Inbox+" "+c.Name] = *c.Filter
		}
	}
	w.last++
	_, err := w.js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: payload, Header: nats.Header{
		jetstream.ExpectedLastSeqHeader: {fmt.Sprint(w.last - 1)},
	}}, jetstream.WithStallWait(testkit.Patience))
	w.check(err)
}

// flush waits until all commands are stored.
func (w *world) flush() {
	select {
	case <-w.js.PublishAsyncComplete():
	case <-time.After(testkit.Patience):
		w.Fatalf("%s: no acknowledgement", w.line)
	}
	stream, err := w.js.Stream(w.Context(), w.subjects.CommandStream())
	w.check(err)
	if got := stream.CachedInfo().State.LastSeq; got != uint64(w.last) {
		w.Fatalf("%s: the command stream ends at %d, not at %d", w.line, got, w.last)
	}
}

// wait waits until a command is applied and all its events are stored.
func (w *world) wait(seq events.Seq) {
	ctx, cancel := context.WithTimeout(w.Context(), testkit.Patience)
	defer cancel()
	w.check(w.projector.WaitApplied(ctx, seq))
	w.check(w.projector.WaitEmitted(ctx, seq))
}

type counters struct{ refused, ignored uint64 }

func (w *world) counters() counters {
	s, err := w.projector.Status(w.Context())
	w.check(err)
	return counters{s.Refused, s.Ignored}
}

// heard is one stored event.
type heard struct {
	subject  string // that it is republished on
	kind     string // its last token
	more     bool
	change   *events.Change
	receipt  *events.Receipt
	readers  *events.GroupReceipts
	rejected *events.Rejected
}

// events reads what was stored since the last call: changes, receipts and
// refusals, each sorted by user. Among different users the order says nothing.
func (w *world) events() (all []heard) {
	stream, err := w.js.Stream(w.Context(), w.subjects.EventStream())
	w.check(err)
	for last := stream.CachedInfo().State.LastSeq; w.read < last; {
		w.read++
		msg, err := stream.GetMsg(w.Context(), w.read)
		w.check(err)
		if amongEmitters(msg.Subject) {
			continue
		}
		h := heard{
			subject: w.subjects.Prefix() + strings.TrimPrefix(msg.Subject, w.subjects.Prefix()+"-out.0"),
			kind:    msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:],
			more:    msg.Header.Get("Reddot-More") != "",
		}
		var v any
		switch h.kind {
		case "change":
			h.change = new(events.Change)
			v = h.change
		case "receipt":
			h.receipt = new(events.Receipt)
			v = h.receipt
		case "group-receipt":
			h.readers = new(events.GroupReceipts)
			v = h.readers
		case "rejected":
			h.rejected = new(events.Rejected)
			v = h.rejected
		default:
			w.Fatalf("no scenario shows an event like that on %s", msg.Subject)
		}
		w.check(events.Unmarshal(msg.Header.Get("Content-Type"), msg.Data, v))
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b heard) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.subject, b.subject))
	})
	return all
}

// list asks for a user's whole list, or what a request wants of it.
func (w *world) list(v *projector.View, user string, q events.ConversationsRequest) events.ConversationsReply {
	q.Limit = new(events.MaxLimit)
	all, err := v.Conversations(user, q)
	w.check(err)
	for all.Next != "" {
		q.After = all.Next
		next, err := v.Conversations(user, q)
		w.check(err)
		all.Conversations, all.Next = append(all.Conversations, next.Conversations...), next.Next
	}
	return all
}

// state is everything that can be asked, and the digest of the rest.
type state struct {
	Digest   events.Digest
	Lists    map[string]events.ConversationsReply
	Threads  map[string][]events.Thread
	Filters  map[string]events.NamedTotals
	Explains map[string]events.Explanation
	Receipts map[string]events.ReceiptReply
}

func (w *world) state() state {
	s := state{
		Lists: map[string]events.ConversationsReply{}, Threads: map[string][]events.Thread{},
		Filters: map[string]events.NamedTotals{}, Explains: map[string]events.Explanation{},
		Receipts: map[string]events.ReceiptReply{},
	}
	status, err := w.projector.Status(w.Context())
	w.check(err)
	s.Digest = status.Digest
	v := w.view()
	defer func() { w.check(v.Close()) }()
	for user := range w.users {
		s.Lists[user] = w.list(v, user, events.ConversationsRequest{})
		totals, err := v.Totals(user, events.TotalsRequest{})
		w.check(err)
		s.Filters[user] = totals.Filters
		for _, c := range s.Lists[user].Conversations {
			id, err := events.ParseConversation(c.Conversation)
			w.check(err)
			s.Explains[user+" "+c.Conversation], err = v.Explain(user, events.ExplainRequest{Conversation: id, Limit: new(events.MaxLimit)})
			w.check(err)
			s.Threads[user+" "+c.Conversation], err = w.allThreads(v, user, events.ThreadsRequest{Conversation: id})
			w.check(err)
			if r, err := v.Receipt(user, id.ID, nil); err == nil {
				s.Receipts[user+" "+id.ID] = r
			}
		}
	}
	return s
}

// same checks that nothing has changed.
func (w *world) same(after string, before state) {
	if diff := gocmp.Diff(before, w.state()); diff != "" {
		w.Errorf("%s: %s changes the state (-before +after):\n%s", w.line, after, diff)
	}
}

// checkReplay folds the log once more into an empty store: the state must be
// the same, and nothing is emitted again.
func (w *world) checkReplay() {
	w.line = "(end)"
	before := w.state()
	w.stop()
	w.dir = w.TempDir()
	w.start()
	w.same("a replay", before)
	if out := w.render(w.events()); out != noEvents {
		w.Errorf("a replay emits again:\n%s", out)
	}
}
