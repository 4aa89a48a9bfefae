package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// publisher opens a publisher that ends with the test.
func publisher(tb testing.TB, c *client.Client) *client.Publisher {
	tb.Helper()
	p, err := c.NewPublisher(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

func add(tb testing.TB, p *client.Publisher, command events.Command) {
	tb.Helper()
	if err := p.Add(tb.Context(), command); err != nil {
		tb.Fatal(err)
	}
}

// flush waits until what was added is stored and its events are.
func flush(tb testing.TB, c *client.Client, p *client.Publisher) events.Seq {
	tb.Helper()
	seq, err := p.Flush(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.WaitEmitted(tb.Context(), seq); err != nil {
		tb.Fatal(err)
	}
	return seq
}

// commands opens the command stream.
func (h *host) commands(tb testing.TB) jetstream.Stream {
	tb.Helper()
	js, err := jetstream.New(h.connect(tb))
	if err != nil {
		tb.Fatal(err)
	}
	stream, err := js.Stream(tb.Context(), "UNREAD_COMMANDS")
	if err != nil {
		tb.Fatal(err)
	}
	return stream
}

// decode reads a stored command.
func decode(tb testing.TB, subject string, payload []byte) (c events.Command) {
	tb.Helper()
	subjects, err := events.NewSubjects(events.DefaultPrefix)
	if err != nil {
		tb.Fatal(err)
	}
	if err := subjects.Decode(subject, payload, &c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// command returns a stored command, with its payload.
func (h *host) command(tb testing.TB, seq events.Seq) ([]byte, events.Command) {
	tb.Helper()
	m, err := h.commands(tb).GetMsg(tb.Context(), uint64(seq))
	if err != nil {
		tb.Fatal(err)
	}
	return m.Data, decode(tb, m.Subject, m.Data)
}

// stored returns the message ids in the command stream, in order.
func (h *host) stored(tb testing.TB) (ids []string) {
	tb.Helper()
	stream := h.commands(tb)
	consumer, err := stream.OrderedConsumer(tb.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		tb.Fatal(err)
	}
	defer messages.Stop()
	for range stream.CachedInfo().State.Msgs {
		m, err := messages.Next()
		if err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, decode(tb, m.Subject(), m.Data()).ID)
	}
	return ids
}

// TestPublisherKeepsOrder checks that commands are stored in the order of Add,
// whatever may be pending.
func TestPublisherKeepsOrder(t *testing.T) {
	t.Parallel()
	h := start(t)
	var want []string
	for _, pending := range []int{0, 1, 3} {
		c := h.client(t, client.Options{MaxPending: pending})
		p := publisher(t, c)
		if seq, err := p.Flush(t.Context()); seq != 0 || err != nil {
			t.Fatalf("flush of nothing: %d, %v", seq, err)
		}
		var invalid *events.Invalid
		for i := range 500 {
			id := fmt.Sprintf("p%d-%d", pending, i)
			add(t, p, message("alice", "bob", id))
			want = append(want, id)
			if i%100 == 0 {
				if err := p.Add(t.Context(), message("alice", "", id)); !errors.As(err, &invalid) {
					t.Fatalf("a message of nobody: %v", err)
				}
			}
		}
		seq := flush(t, c, p)
		if int(seq) != len(want) {
			t.Errorf("last seq %d, want %d", seq, len(want))
		}
		unread, err := c.User("alice").TotalUnread(t.Context(), client.After(seq))
		if err != nil || unread != uint64(len(want)) {
			t.Errorf("%d unread, %v", unread, err)
		}
	}
	sameLog(t, h, want)
}

func sameLog(t *testing.T, h *host, want []string) {
	t.Helper()
	got := h.stored(t)
	for i := range max(len(want), len(got)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("command %d of the stream is another than the one added; %d stored, %d added", i, len(got), len(want))
		}
	}
}

// TestPublisherServerEnds ends the NATS server under a publisher: a whole
// beginning of what was added is stored, the error says where to go on, and
// going on there gives the log that was meant.
func TestPublisherServerEnds(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{MaxPending: 500})
	const total = 20_000
	id := func(i uint64) string { return fmt.Sprintf("m%d", i) }
	p := publisher(t, c)
	ended := make(chan struct{})
	var failed *client.PublishError
	var sent uint64
	for ; sent < total; sent++ {
		if sent == 2_000 {
			go func() {
				defer close(ended)
				h.Stop()
			}()
		}
		if err := p.Add(t.Context(), message("alice", "bob", id(sent))); err != nil {
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			break
		}
	}
	if _, err := p.Flush(t.Context()); failed == nil && !errors.As(err, &failed) {
		t.Fatalf("flush after the server's end: %v", err)
	}
	testkit.Receive(t, "the server's end", ended)
	if err := p.Add(t.Context(), message("alice", "bob", "later")); !errors.Is(err, failed) {
		t.Errorf("add after a failure: %v", err)
	}
	t.Log(failed)
	h.Restart()
	stored := h.stored(t)
	if n := uint64(len(stored)); n < failed.Index || uint64(failed.Stored) != failed.Index || n > sent {
		t.Errorf("%d stored, %d sent, the error says %d", n, sent, failed.Index)
	}
	for i, got := range stored {
		if got != id(uint64(i)) {
			t.Fatalf("command %d of the stream is %s: there is a hole", i, got)
		}
	}
	again := publisher(t, c)
	for i := failed.Index; i < failed.Index+3_000; i++ {
		add(t, again, message("alice", "bob", id(i)))
	}
	seq := flush(t, c, again)
	var unread uint64
	answered(t, func(ctx context.Context) (err error) {
		unread, err = c.User("alice").TotalUnread(ctx, client.After(seq))
		return err
	})
	if want := failed.Index + 3_000; unread != want {
		t.Errorf("%d unread, want %d (rule once)", unread, want)
	}
}

// TestPublisherRefused has the stream refuse a command.
func TestPublisherRefused(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "FULL_COMMANDS", Subjects: []string{"full.cmd.>"}, MaxMsgs: 10, Discard: jetstream.DiscardNew,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn, client.Options{Prefix: "full"})
	p := publisher(t, c)
	for i := range 15 {
		if err := p.Add(t.Context(), message("alice", "bob", fmt.Sprintf("m%d", i))); err != nil {
			break // the refusal was quick
		}
	}
	_, err = p.Flush(t.Context())
	var failed *client.PublishError
	var refused *jetstream.APIError
	if !errors.As(err, &failed) || !errors.As(err, &refused) || errors.Is(err, client.ErrUncertain) {
		t.Fatalf("a full stream: %v", err)
	}
	if failed.Index != 10 || failed.Stored != 10 || failed.Pending > 4 {
		t.Errorf("%+v", failed)
	}
}

// TestPublisherRetriesNothing has the stream begin to exist after the first
// command: that one must not be stored behind the second.
func TestPublisherRetriesNothing(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	c := newClient(t, conn, client.Options{Prefix: "late"})
	p := publisher(t, c)
	add(t, p, message("alice", "bob", "m1"))
	client.RoundTrip(p)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LATE_COMMANDS", Subjects: []string{"late.cmd.>"}}); err != nil {
		t.Fatal(err)
	}
	_ = p.Add(t.Context(), message("alice", "bob", "m2")) // sent, or refused because of the first
	_, err = p.Flush(t.Context())
	var failed *client.PublishError
	if !errors.As(err, &failed) || failed.Index != 0 || !errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, client.ErrUncertain) {
		t.Errorf("no stream: %v", err)
	}
}

// TestPublisherCloses checks the end that is asked for, and a caller who does
// not want to wait.
func TestPublisherCloses(t *testing.T) {
	t.Parallel()
	h := start(t)
	// A subscriber that never answers stands for a server that never does.
	conn := h.connect(t)
	if _, err := conn.SubscribeSync("silent.cmd.>"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn, client.Options{Prefix: "silent", MaxPending: 2})
	p := publisher(t, c)
	add(t, p, message("alice", "bob", "m1"))
	add(t, p, message("alice", "bob", "m2"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Add(ctx, message("alice", "bob", "m3")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("add without room: %v", err)
	}
	if _, err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush: %v", err)
	}
	p.Close()
	p.Close()
	if err := p.Add(t.Context(), message("alice", "bob", "m3")); !errors.Is(err, client.ErrClosed) {
		t.Errorf("add after close: %v", err)
	}
	if _, err := p.Flush(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("flush after close: %v", err)
	}

	impatient := newClient(t, conn, client.Options{Prefix: "silent", Timeout: 50 * time.Millisecond})
	p = testkit.Must(impatient.NewPublisher(testkit.Context(t)))(t) // which takes as long as it takes
	t.Cleanup(p.Close)
	add(t, p, message("alice", "bob", "m1"))
	add(t, p, message("alice", "bob", "m2"))
	_, err := p.Flush(t.Context())
	var failed *client.PublishError
	if !errors.As(err, &failed) || !errors.Is(err, client.ErrUncertain) || failed.Index != 0 || failed.Pending != 1 {
		t.Errorf("no acknowledgement: %v", err)
	}
}
