package projector_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// oddHeaders are what a command may be stored with: the headers of JetStream's
// own control messages, of a consumer's deliveries, of errors, and many.
func oddHeaders() []nats.Header {
	var all []nats.Header
	for _, status := range []string{"100", "200", "400", "404", "408", "409", "423", "503"} {
		all = append(all, nats.Header{"Status": {status}})
	}
	many := nats.Header{}
	for i := range 500 {
		many[fmt.Sprint("Key-", i)] = []string{strings.Repeat("v", 100)}
	}
	return append(all, many,
		nats.Header{"Status": {"100"}, "Description": {"Idle Heartbeat"}, "Nats-Last-Consumer": {"1"}},
		nats.Header{"Status": {"100"}, "Description": {"FlowControl Request"}},
		nats.Header{"Status": {"408"}, "Description": {"Request Timeout"}, "Nats-Pending-Messages": {"1"}, "Nats-Pending-Bytes": {"0"}},
		nats.Header{"Status": {"409"}, "Description": {"Message Size Exceeds MaxBytes"}},
		nats.Header{"Status": {"409"}, "Description": {"Consumer Deleted"}},
		nats.Header{"Nats-Stream": {"UNREAD_COMMANDS"}, "Nats-Sequence": {"1"}, "Nats-Num-Pending": {"0"}},
		nats.Header{"Nats-Service-Error-Code": {"500"}, "Nats-Service-Error": {"none"}},
	)
}

// TestHeaders stores a command of each verb, without a payload, with each kind of
// header. None of them stops anybody: each is applied or refused, after a restart
// too, as it is in a log without headers, and whoever else reads the log comes to
// its end.
func TestHeaders(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	dir := t.TempDir()
	p := b.run(dir)
	plain := newBus(t)
	without := plain.run(t.TempDir())
	last := events.Seq(0)
	store := func(subject string, h nats.Header, payload string) {
		testkit.Must(b.js.PublishMsg(testkit.Context(t), &nats.Msg{Subject: subject, Header: h, Data: []byte(payload)}))(t)
		testkit.Must(plain.js.Publish(testkit.Context(t), subject, []byte(payload)))(t)
		last++
	}
	store(b.subjects.Command(events.Target{Verb: events.GroupJoin, Inbox: "team"}), nil, `{"users":["alice","bob"]}`)
	for _, verb := range events.Verbs() {
		subject := b.subjects.Command(events.Target{Verb: verb, Inbox: "alice"})
		for _, h := range oddHeaders() {
			store(b.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: "alice"}), h, fmt.Sprintf(`{"id":"m%d","from":"bob"}`, last))
			store(subject, h, "")
		}
	}
	p.settle(last)
	without.settle(last)
	p.stop()
	p = b.run(dir)
	store(b.subjects.Command(events.Target{Verb: events.UserReadAll, Inbox: "alice"}), oddHeaders()[0], "")
	p.settle(last)
	without.settle(last)
	is, want := p.status(), without.status()
	if is.Refused != want.Refused || is.Ignored != want.Ignored || is.Applied != want.Applied {
		t.Errorf("%d are refused and %d ignored, of %d; without headers %d and %d, of %d",
			is.Refused, is.Ignored, is.Applied, want.Refused, want.Ignored, want.Applied)
	}
	b.readByAll(last)
	if is.Refused == 0 || is.Refused == uint64(last) {
		t.Errorf("%d of %d are refused", is.Refused, last)
	}
}

// readByAll has everybody read the log who does it beside a projector.
func (b *bus) readByAll(last events.Seq) {
	b.t.Helper()
	log := testkit.Must(log.Find(testkit.Context(b.t), b.js, b.subjects, slog.New(slog.DiscardHandler)))(b.t)
	read := events.Seq(0)
	testkit.OK(b.t, log.ReadTo(testkit.Context(b.t), 0, last, func(*store.Entry) error {
		read++
		return nil
	}))
	if read != last {
		b.t.Errorf("%d commands are read, not %d", read, last)
	}
	s := testkit.Must(store.Open(store.Config{Dir: b.t.TempDir(), Identity: log.Identity()}))(b.t)
	defer s.Close()
	testkit.OK(b.t, loop.Build(testkit.Context(b.t), log, s, last, nil))
	for seq := range last {
		var at time.Time
		testkit.Eventually(b.t, "it is told when a command was taken in", func() bool {
			var err error
			if at, err = log.TimeOf(testkit.Context(b.t), seq+1); !errors.Is(err, context.DeadlineExceeded) { // a large one takes a while on a busy machine
				testkit.OK(b.t, err)
			}
			return err == nil
		})
		if got := testkit.Must(log.Before(testkit.Context(b.t), at.Add(time.Nanosecond)))(b.t); got != seq+1 {
			b.t.Errorf("the last command up to the time of %d is %d", seq+1, got)
		}
		if seq > 40 { // one reading for each
			break
		}
	}
	testkit.Eventually(b.t, "no consumer is left but the projector's", func() bool {
		return testkit.Must(b.commands().Info(testkit.Context(b.t)))(b.t).State.Consumers <= 1
	})
}
