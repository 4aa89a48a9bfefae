package journal_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// rig is a server with an event stream.
type rig struct {
	testing.TB
	srv      *natstest.Server
	subjects events.Subjects
}

func newRig(t testing.TB) *rig {
	return &rig{t, natstest.Start(t), testkit.Must(events.NewSubjects("unread"))(t)}
}

// open opens the event stream as a process does that has just started.
func (r *rig) open(id, log string) (*journal.Journal, error) {
	r.Helper()
	js := testkit.Must(jetstream.New(r.srv.Connect(), jetstream.WithPublishAsyncTimeout(journal.AckTimeout)))(r)
	s, limit, err := journal.Open(testkit.Context(r), journal.StreamConfig{JetStream: js, Subjects: r.subjects, Log: log})
	if err != nil {
		return nil, err
	}
	if n := limit(); n < journal.LeastPayload {
		r.Errorf("messages of %d bytes", n)
	}
	return journal.New(journal.Config{
		Stream: s, Log: log, ID: id, Subject: "unread-out.fence-0", Logger: slog.New(slog.DiscardHandler),
	}), nil
}

// writer is a journal that has been claimed, and what landed of what it sent.
type writer struct {
	*journal.Journal
	*journal.Writer
	r      *rig
	landed []string
}

// parcel is a message on its way. It implements journal.Parcel.
type parcel struct {
	w    *writer
	text string
}

func (p parcel) Landed() { p.w.landed = append(p.w.landed, p.text) }

// claim opens the stream and takes it over.
func (r *rig) claim(id string) (w *writer, before journal.Tail) {
	r.Helper()
	j := testkit.Must(r.open(id, "log"))(r)
	before = testkit.Must(j.End(testkit.Context(r)))(r)
	end := testkit.Must(j.Claim(testkit.Context(r), before))(r)
	if end.Writer != id || end.Last < before.Last+1 {
		r.Errorf("%s: claimed behind %+v, it ends with %+v", id, before, end)
	}
	w = &writer{Journal: j, r: r}
	w.Writer = j.Writer(end, func() {}, func(*nats.Msg) {})
	return w, before
}

// send sends an event.
func (w *writer) send(no int, text string) error {
	msg := w.Message()
	msg.Subject, msg.Data = fmt.Sprintf("unread-out.0.evt.u%d.change", no), []byte(text)
	msg.Header.Set(journal.HeaderAt, strconv.Itoa(no))
	msg.Header.Set(journal.HeaderApplied, strconv.Itoa(no))
	return w.Send(testkit.Context(w.r), msg, parcel{w, text})
}

// TestJournal has one writer after another append: each finds what the one before
// has said, and only one at a time has its messages stored.
func TestJournal(t *testing.T) {
	r := newRig(t)
	a, before := r.claim("a")
	if before.Last != 0 || !before.Free() || before.Said.Known() {
		t.Errorf("an empty stream ends with %+v", before)
	}
	for no := range 3 {
		testkit.OK(t, a.send(no+1, fmt.Sprint("a", no+1)))
	}
	testkit.OK(t, a.Finish(testkit.Context(r)))
	if want := []string{"a1", "a2", "a3"}; !slices.Equal(a.landed, want) || a.Pending() != 0 {
		t.Errorf("%q have landed, %d are pending", a.landed, a.Pending())
	}
	b, before := r.claim("b")
	if before.Writer != "a" || before.Free() || before.Said.At != 3 || before.Said.Applied != 3 || before.Said.Place != before.Place {
		t.Errorf("behind a it ends with %+v", before)
	}
	if err := errors.Join(a.send(4, "a4"), a.Finish(testkit.Context(r))); !errors.Is(err, journal.ErrFenced) {
		t.Errorf("a goes on writing: %v", err)
	}
	conn := r.srv.Connect()
	testkit.OK(t, conn.Publish("unread-out.0.evt.u1.change", []byte("foreign")), conn.Flush())
	testkit.OK(t, b.send(4, "b4"), b.Finish(testkit.Context(r)))
	farewell := b.Message()
	farewell.Header.Set(journal.HeaderEnds, "1")
	testkit.OK(t, b.Send(testkit.Context(r), farewell, nil), b.Finish(testkit.Context(r)))
	c, before := r.claim("c")
	if !before.Free() || before.Writer != "b" || before.Said.At != 4 {
		t.Errorf("behind b, which has ended, it ends with %+v", before)
	}
	if grown := c.Next() - before.Last; grown != 2 {
		t.Errorf("a stream that nobody writes to is claimed with %d messages", grown-1)
	}
	var got []string
	testkit.OK(t, c.Read(testkit.Context(r), 1, before.Last, func(msg *nats.Msg) error {
		got = append(got, string(msg.Data))
		return nil
	}))
	if want := []string{"a1", "a2", "a3", "b4"}; !slices.Equal(got, want) {
		t.Errorf("the events are %q, not %q", got, want)
	}
	if n := b.Foreign(); n != 1 {
		t.Errorf("%d foreign messages were found", n)
	}
	unreadable := errors.New("unreadable")
	if err := c.Read(testkit.Context(r), 1, before.Last, func(*nats.Msg) error { return unreadable }); !errors.Is(err, unreadable) {
		t.Errorf("an event that can't be read: %v", err)
	}
}

// TestForeignInPlace has a foreign message take the place of the first of two that are on
// their way together: it is counted, once, and the first one is stored behind the second.
func TestForeignInPlace(t *testing.T) {
	r := newRig(t)
	w, _ := r.claim("a")
	conn := r.srv.Connect()
	testkit.OK(t, conn.Publish("unread-out.0.evt.u1.change", []byte("foreign")), conn.Flush())
	testkit.OK(t, w.send(1, "a1"), w.send(2, "a2"), w.Finish(testkit.Context(r)))
	if want := []string{"a2", "a1"}; !slices.Equal(w.landed, want) {
		t.Errorf("%q have landed, not %q", w.landed, want)
	}
	for range 2 {
		if n := w.Foreign(); n != 1 {
			t.Errorf("%d foreign messages were found, not one", n)
		}
		testkit.Must(w.End(testkit.Context(r)))(t)
	}
}

// TestServerAway restarts the server while messages are on their way: each is
// stored, once.
func TestServerAway(t *testing.T) {
	r := newRig(t)
	w, _ := r.claim("w")
	var want []string
	for no := range 50 {
		text := fmt.Sprint("w", no)
		testkit.OK(t, w.send(no+1, text))
		if want = append(want, text); no == 25 {
			r.srv.Restart()
		}
	}
	testkit.OK(t, w.Finish(testkit.Context(r)))
	if landed := slices.Sorted(slices.Values(w.landed)); !slices.Equal(landed, slices.Sorted(slices.Values(want))) {
		t.Errorf("%q have landed", w.landed)
	}
	var got []string
	testkit.OK(t, w.Read(testkit.Context(r), 1, w.Next()-1, func(msg *nats.Msg) error {
		got = append(got, string(msg.Data))
		return nil
	}))
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the events are %q", got)
	}
}

// TestOtherLog: the event stream of another command stream is refused, and one that
// was deleted has no end.
func TestOtherLog(t *testing.T) {
	r := newRig(t)
	w, _ := r.claim("w")
	if _, err := r.open("x", "another log"); !errors.Is(err, journal.ErrForeign) {
		t.Errorf("opened for another log: %v", err)
	}
	testkit.OK(t, r.srv.JetStream().DeleteStream(testkit.Context(r), r.subjects.EventStream()))
	if _, err := w.End(testkit.Context(r)); !errors.Is(err, journal.ErrGone) {
		t.Errorf("the end of a deleted stream: %v", err)
	}
}

// TestFindNewest: the newest event is found from outside, by who knows the log; after
// Forget there is none.
func TestFindNewest(t *testing.T) {
	r := newRig(t)
	js := r.srv.JetStream()
	find := func(log string) journal.Newest {
		t.Helper()
		return testkit.Must(journal.FindNewest(testkit.Context(r), js, r.subjects, log))(t)
	}
	if n := find("log"); n != (journal.Newest{}) {
		t.Errorf("without a stream: %+v", n)
	}
	w, _ := r.claim("w")
	testkit.OK(t, w.send(7, "w7"), w.Finish(testkit.Context(r)))
	n := find("log")
	if n.At != 7 || n.Place != w.Next()-1 || n.Time.IsZero() {
		t.Errorf("behind event 7: %+v", n)
	}
	if other := find("another log"); other != (journal.Newest{}) {
		t.Errorf("of another log: %+v", other)
	}
	genuine := testkit.Must(journal.Genuine(testkit.Context(r), js, r.subjects))(t)
	stream := testkit.Must(js.Stream(testkit.Context(r), r.subjects.EventStream()))(t)
	raw := testkit.Must(stream.GetMsg(testkit.Context(r), n.Place))(t)
	msg := &nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data}
	if !genuine(n.Place, msg) || genuine(n.Place+1, msg) {
		t.Error("an event is not genuine at its place, or is at another one")
	}
	testkit.OK(t, journal.Forget(testkit.Context(r), js, r.subjects))
	if n := find("log"); n.At != 0 {
		t.Errorf("after Forget: %+v", n)
	}
}
