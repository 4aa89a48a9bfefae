package pull_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
	"reddot/projector/testkit"
)

// hostile are header blocks that a publisher may store with a message: those of
// control messages, and others that mean something to a client or a server.
func hostile() []nats.Header {
	var all []nats.Header
	for _, status := range []string{"100", "200", "400", "404", "408", "409", "412", "423", "503", "x", ""} {
		for _, description := range []string{"", "Idle Heartbeat", "FlowControl Request", "Message Size Exceeds MaxBytes", "Consumer Deleted", "Batch Completed", "Leadership Change"} {
			h := nats.Header{"Status": {status}}
			if description != "" {
				h["Description"] = []string{description}
			}
			all = append(all, h)
		}
	}
	for _, key := range []string{
		"Nats-Pending-Messages", "Nats-Pending-Bytes", "Nats-Last-Consumer", "Nats-Last-Stream", "Nats-Consumer-Stalled",
		"Nats-Stream", "Nats-Sequence", "Nats-Subject", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence", "Nats-Msg-Size",
		"Nats-Pin-Id", "Nats-Marker-Reason", "Nats-Service-Error-Code", "Description", "Reply-To", "X-Unknown",
	} {
		all = append(all, nats.Header{"Status": {"100"}, key: {"1"}}, nats.Header{key: {"1"}})
	}
	huge := nats.Header{"Status": {"404"}}
	for i := range 500 {
		huge[fmt.Sprint("Key-", i)] = []string{strings.Repeat("v", 100)}
	}
	return append(all, huge, nats.Header{"Status": {strings.Repeat("1", 60_000)}})
}

// malformed are header blocks that are none, as they stand behind HPUB.
var malformed = []string{
	"NATS/1.0\r\n\r\n",
	"NATS/1.0 100\r\n\r\n",
	"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
	"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n",
	"NATS/1.0 503\r\n\r\n",
	"NATS/1.0\r\nno colon\r\n\r\n",
	"NATS/1.0\r\n: no key\r\n\r\n",
	"NATS/9.9 100\r\n\r\n",
	"no header\r\n\r\n",
}

// want is what was stored.
type want struct{ subject, data string }

// hostileStream has all of them, each with an empty payload and with one, and
// ends with a plain message.
func hostileStream(r *rig) (all []want) {
	store := func(h nats.Header, data string) {
		subject := fmt.Sprint("in.", len(all)+1)
		r.store(subject, h, []byte(data))
		all = append(all, want{subject, data})
	}
	for _, h := range hostile() {
		store(h, "")
		store(h, "body")
	}
	for _, block := range malformed {
		subject := fmt.Sprint("in.", len(all)+1)
		r.raw(fmt.Sprintf("HPUB %s %d %d\r\n%s\r\n", subject, len(block), len(block), block))
		all = append(all, want{subject, ""})
	}
	store(nil, "")
	store(nil, "last")
	return all
}

// TestHostile reads every message that may be stored: whole, to its end, from
// each place, and one by one.
func TestHostile(t *testing.T) {
	r := newRig(t)
	all := hostileStream(r)
	read := func(o pull.Options) (got []want) {
		t.Helper()
		next := max(o.From, 1)
		testkit.OK(t, r.stream().Read(testkit.Context(r), o, func(m *pull.Message) error {
			if m.Seq != next {
				t.Fatalf("message %d where %d was due", m.Seq, next)
			}
			next++
			got = append(got, want{m.Subject, string(m.Data)})
			if m.Seq == uint64(len(all)) {
				return pull.ErrEnough
			}
			return nil
		}))
		return got
	}
	for _, o := range []pull.Options{{From: 1}, {From: 1, Upto: uint64(len(all))}, {From: 1, Batch: 1}, {From: 1, Batch: 3}, {From: uint64(len(all)) / 2}} {
		if got := read(o); !slices.Equal(got, all[max(o.From, 1)-1:]) {
			t.Errorf("%+v: what is read is not what was stored", o)
		}
	}
	for i, w := range all {
		m := testkit.Must(r.stream().Get(testkit.Context(r), uint64(i+1)))(t)
		if got := (want{m.Subject, string(m.Data)}); got != w {
			t.Errorf("message %d: %v, not %v", i+1, got, w)
		}
		var first *pull.Message
		testkit.OK(t, r.stream().Read(testkit.Context(r), pull.Options{Since: m.Time, HeadersOnly: true, Batch: 1}, func(m *pull.Message) error {
			first = m
			return pull.ErrEnough
		}))
		if first.Seq != uint64(i+1) {
			t.Errorf("the first message at %v is %d, not %d", m.Time, first.Seq, i+1)
		}
	}
	testkit.Eventually(r, "no consumer is left", func() bool { return r.consumers() == 0 })
}

// TestLarge reads messages larger than a request asks for: two in a row, and
// small ones around them.
func TestLarge(t *testing.T) {
	testkit.Unraced(t)
	r := newRig(t, func(o *server.Options) { o.MaxPayload, o.MaxPending = 32<<20, 128<<20 })
	large := strings.Repeat("x", 18<<20)
	var all []want
	for i, data := range []string{"a", large, large, "b", large, "c"} {
		all = append(all, want{fmt.Sprint("in.", i), data})
		r.store(all[i].subject, nil, []byte(data))
	}
	var got []want
	testkit.OK(t, r.stream().Read(testkit.Context(r), pull.Options{From: 1, Upto: uint64(len(all))}, func(m *pull.Message) error {
		got = append(got, want{m.Subject, string(m.Data)})
		return nil
	}))
	if !slices.Equal(got, all) {
		t.Errorf("%d messages are read, not the %d that were stored", len(got), len(all))
	}
}

// TestStranger has somebody who knows the inbox of a reading send messages
// there: none is taken for a stored one, and the reading goes on.
func TestStranger(t *testing.T) {
	r := newRig(t)
	r.fill(10, nil)
	inboxes := make(chan string, 100)
	spy := testkit.Must(r.Connect().Subscribe("$JS.API.CONSUMER.MSG.NEXT.>", func(m *nats.Msg) { inboxes <- m.Reply }))(t)
	testkit.OK(t, r.conn.Flush())
	defer spy.Unsubscribe()
	read := make(chan uint64, 100)
	done := make(chan error, 1)
	go func() {
		done <- r.stream().Read(testkit.Context(r), pull.Options{From: 1}, func(m *pull.Message) error {
			read <- m.Seq
			if m.Subject == "in.end" {
				return pull.ErrEnough
			}
			return nil
		})
	}()
	for i := range uint64(10) {
		if seq := <-read; seq != i+1 {
			t.Fatalf("message %d, not %d", seq, i+1)
		}
	}
	inbox := <-inboxes
	// The server itself lets nobody send with such a reply subject, and says so.
	stranger := r.Connect(nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	for _, reply := range []string{"", "$JS.ACK.LOG.other.1.11.11.1.0", "$JS.ACK.", "in.some"} {
		for _, h := range hostile()[:20] {
			testkit.OK(t, stranger.PublishMsg(&nats.Msg{Subject: inbox, Reply: reply, Header: h, Data: []byte("forged")}))
		}
	}
	testkit.OK(t, stranger.Flush())
	r.store("in.end", nil, nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if seq := <-read; seq != 11 {
		t.Errorf("message %d is read, not 11", seq)
	}
}

// TestDirect reads single messages of a stream that any replica may answer for:
// the library would decide by their headers.
func TestDirect(t *testing.T) {
	r := newRig(t)
	config := testkit.Must(r.js.Stream(t.Context(), name))(t).CachedInfo().Config
	config.AllowDirect = true
	testkit.Must(r.js.UpdateStream(t.Context(), config))(t)
	r.store("in.a", nats.Header{"Status": {"404"}}, nil)
	if m := testkit.Must(r.stream().Get(testkit.Context(r), 1))(t); m.Subject != "in.a" || m.Time.Before(time.Now().Add(-time.Minute)) {
		t.Errorf("message 1 is %+v", m)
	}
	if _, err := r.stream().Get(testkit.Context(r), 2); err != jetstream.ErrMsgNotFound {
		t.Errorf("message 2: %v", err)
	}
}
