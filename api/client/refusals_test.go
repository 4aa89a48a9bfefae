package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
)

// strange is a command that is refused (rule stranger).
func strange(user string) events.Command {
	return events.Command{Verb: events.UserRead, Inbox: user, Conversation: events.ConversationID{Kind: events.Group, ID: "none"}}
}

// encoded is a command as AddEncoded takes it.
func encoded(t testing.TB, label int, c events.Command) client.Encoded {
	t.Helper()
	s := testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	return client.Encoded{Label: label, Subject: s.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}), Payload: testkit.Must(events.EncodeJSON(&c))(t)}
}

// TestPublisherRefusals: several publishers at once hear of their own refusals, by
// label, and not of what others have put where refusals come.
func TestPublisherRefusals(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	c := newClient(t, conn, client.Options{})
	script(t, c, message("alice", "bob", "m0")) // so that the event stream is there
	js, s := testkit.Must(jetstream.New(conn))(t), testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	const each, named = 500, 20
	for n := range 3 {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		genuine := testkit.Must(journal.Genuine(t.Context(), js, s))(t)
		p := testkit.Must(c.NewPublisher(t.Context(), client.WithRefusals(named, genuine)))(t)
		t.Cleanup(p.Close)
		t.Run(fmt.Sprint("publisher ", n), func(t *testing.T) {
			t.Parallel()
			var want []int
			for i := range each {
				label, command := 1000*n+2*i, message("alice", "bob", fmt.Sprintf("m%d-%d", n, i))
				if rng.IntN(10) == 0 {
					command = strange("alice")
					want = append(want, label)
				}
				if i%100 == 0 {
					forged := fmt.Appendf(nil, `{"seq":%d,"subject":"x","reason":"forged"}`, i+1)
					testkit.OK(t, conn.Publish("unread.rejected", forged), conn.Publish("unread-out.0.rejected", forged))
				}
				testkit.OK(t, p.AddEncoded(t.Context(), encoded(t, label, command)))
			}
			seq, err := p.Flush(t.Context())
			testkit.OK(t, err, c.WaitEmitted(t.Context(), seq))
			first, count, err := p.Refused(t.Context())
			if err != nil || count != int64(len(want)) || len(first) != min(named, len(want)) {
				t.Errorf("%d refused, %d of them named, want %d: %v", count, len(first), len(want), err)
				return
			}
			for i, r := range first {
				if r.Label != want[i] || r.Reason != "not a member of the group" || r.Subject != "unread.cmd.user.alice.read" || r.Seq == 0 {
					t.Errorf("refusal %d is %+v, want label %d", i, r, want[i])
				}
			}
		})
	}
}

// TestPublisherRefusesNone: nobody asks, nothing is published, nothing is refused.
func TestPublisherRefusesNone(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	for name, opts := range map[string][]client.PublisherOption{"nobody asks": nil, "somebody asks": {client.WithRefusals(1, nil)}} {
		p := testkit.Must(c.NewPublisher(t.Context(), opts...))(t)
		if first, count, err := p.Refused(t.Context()); len(first) != 0 || count != 0 || err != nil {
			t.Errorf("%s, nothing is published: %v, %d, %v", name, first, count, err)
		}
		p.Close()
		p = testkit.Must(c.NewPublisher(t.Context(), opts...))(t)
		add(t, p, message("alice", "bob", name))
		flush(t, c, p)
		if first, count, err := p.Refused(t.Context()); len(first) != 0 || count != 0 || err != nil {
			t.Errorf("%s, nothing is refused: %v, %d, %v", name, first, count, err)
		}
		p.Close()
	}
}

// TestPublisherRefusalsLost: what could not be heard is no silence.
func TestPublisherRefusalsLost(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	c := newClient(t, conn, client.Options{})
	p := testkit.Must(c.NewPublisher(t.Context(), client.WithRefusals(1, nil)))(t)
	t.Cleanup(p.Close)
	add(t, p, message("alice", "bob", "m1"))
	flush(t, c, p)
	back := conn.StatusChanged(nats.CONNECTED)
	h.Restart()
	testkit.Receive(t, "the connection", back)
	if first, count, err := p.Refused(t.Context()); err == nil {
		t.Errorf("after an outage: %v, %d", first, count)
	}
}

// TestRefusalsInBoundedMemory: what is remembered of seqs that others' lie
// between has a bound; beyond it a refusal counts, and its label is not known.
func TestRefusalsInBoundedMemory(t *testing.T) {
	t.Parallel()
	s := client.NewSeqs()
	const commands = client.MaxStreaks + 10
	for label := range commands {
		s.Stored(label+1, events.Seq(10+2*label))
	}
	if s.Kept() > client.MaxStreaks {
		t.Errorf("%d streaks are kept", s.Kept())
	}
	for seq, want := range map[events.Seq]struct {
		label int
		own   bool
	}{
		9:                 {-1, false},
		10:                {-1, true}, // forgotten
		2*commands + 8:    {commands, true},
		2*commands + 7:    {-1, false},
		2*commands + 9:    {-1, false},
		2*commands - 1000: {commands - 504, true},
	} {
		if label, own := s.Label(seq); label != want.label || own != want.own {
			t.Errorf("seq %d is label %d, own %v, want %v", seq, label, own, want)
		}
	}
}

// TestPublisherLabels: labels are the caller's, seqs the stream's, in the order of
// Add; a command that none may be is refused before it is sent.
func TestPublisherLabels(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	type stored struct {
		Label int
		Seq   events.Seq
	}
	var got []stored
	p := testkit.Must(c.NewPublisher(t.Context(), client.OnStored(func(label int, seq events.Seq) { got = append(got, stored{label, seq}) })))(t)
	t.Cleanup(p.Close)
	var want []stored
	for i := range 100 {
		label, command := i, message("alice", "bob", fmt.Sprint("m", i))
		if i%2 == 0 {
			label = 7_000 - i
			testkit.OK(t, p.AddEncoded(t.Context(), encoded(t, label, command)))
		} else {
			add(t, p, command)
		}
		want = append(want, stored{label, events.Seq(i + 1)})
	}
	for _, subject := range []string{"", "unread.cmd.user.alice.dance", "elsewhere.cmd.user.alice.erase", "unread.evt.alice.change", "unread.cmd.user.>.erase"} {
		var invalid *events.Invalid
		if err := p.AddEncoded(t.Context(), client.Encoded{Subject: subject, Payload: []byte("{}")}); !errors.As(err, &invalid) {
			t.Errorf("subject %q: %v", subject, err)
		}
	}
	flush(t, c, p)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

// TestPublisherOnOneConnection: a connection that does not reconnect is the
// publisher's too. It stays open, and its loss says from which command on nobody
// knows.
func TestPublisherOnOneConnection(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t, nats.NoReconnect())
	c := newClient(t, conn, client.Options{})
	before := h.NATS().NumClients()
	p := publisher(t, c)
	add(t, p, message("alice", "bob", "m1"))
	flush(t, c, p)
	if n := h.NATS().NumClients(); n != before {
		t.Errorf("the server has %d clients, before the publisher %d", n, before)
	}
	p.Close()
	if n, err := c.User("alice").TotalUnread(t.Context()); n != 1 || err != nil {
		t.Errorf("after the publisher's end: %d, %v", n, err)
	}

	p = publisher(t, c)
	add(t, p, message("alice", "bob", "m2"))
	flush(t, c, p)
	h.Stop()
	err := p.AddEncoded(t.Context(), encoded(t, 42, message("alice", "bob", "m3")))
	if err == nil {
		_, err = p.Flush(t.Context())
	}
	if e, ok := errors.AsType[*client.PublishError](err); !ok || e.Label != 42 || e.Index != 1 || e.Stored != 2 || !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("the connection is lost: %v", err)
	}
	if _, err := c.NewPublisher(t.Context()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("a publisher on a connection that is lost: %v", err)
	}
}

// TestPublisherClosedInDoubt: what is on its way when a publisher is closed is in
// doubt, and Flush says from where on.
func TestPublisherClosedInDoubt(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t) // a subscriber that never answers stands for a server that never does
	testkit.Must(conn.SubscribeSync("silent.cmd.>"))(t)
	testkit.OK(t, conn.Flush())
	p := publisher(t, newClient(t, conn, client.Options{Prefix: "silent"}))
	for i := range 3 {
		add(t, p, message("alice", "bob", fmt.Sprint("m", i)))
	}
	p.Close()
	_, err := p.Flush(context.Background())
	if e, ok := errors.AsType[*client.PublishError](err); !ok || e.Index != 0 || e.Pending != 2 || !errors.Is(err, client.ErrClosed) || !errors.Is(err, client.ErrUncertain) {
		t.Errorf("closed with three on their way: %v", err)
	}
}
