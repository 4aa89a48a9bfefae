package projector_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
)

// badges is a service that sends badges to phones: a durable consumer of
// change events, with a connection of its own.
type badges struct {
	consumer jetstream.Consumer
	close    func()
}

func (b *bus) badges() *badges {
	b.t.Helper()
	conn := b.Connect()
	js := testkit.Must(jetstream.New(conn))(b.t)
	return &badges{close: conn.Close, consumer: testkit.Must(js.CreateOrUpdateConsumer(testkit.Context(b.t), b.subjects.EventStream(), jetstream.ConsumerConfig{
		Durable: "badges", FilterSubject: b.subjects.Prefix() + "-out.*.evt.*.change",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: testkit.Patience,
	}))(b.t)}
}

// take takes up to n events that are there, and confirms them.
func (s *badges) take(b *bus, n int) (got []string) {
	b.t.Helper()
	batch := testkit.Must(s.consumer.Fetch(n, jetstream.FetchMaxWait(100*time.Millisecond)))(b.t)
	for msg := range batch.Messages() {
		e := b.event(msg)
		var c events.Change
		e.decode(b.t, &c)
		got = append(got, fmt.Sprintf("%s %d", c.User, c.Version))
		if err := msg.DoubleAck(testkit.Context(b.t)); err != nil {
			b.t.Fatal(err)
		}
	}
	return got
}

// TestDurableConsumer follows change events with a durable consumer while it,
// the projector and the server are stopped and started again: it gets every
// stored change, once and in order.
func TestDurableConsumer(t *testing.T) {
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	p := b.run(dir)
	service := b.badges()
	var got []string
	for round := range 8 {
		for i := range 20 {
			a.message(member(i%7), "sender", fmt.Sprintf("m%d.%d", round, i))
			if i%5 == 0 {
				p.settle(a.flush())
			}
		}
		a.flush()
		got = append(got, service.take(b, 10)...)
		switch round % 4 {
		case 0:
			p.kill()
			p = b.run(dir)
		case 1:
			service.close()
			service = b.badges()
		case 2:
			b.Stop()
			b.restart()
		case 3:
			service.close()
			p.stop()
			b.Stop()
			b.restart()
			service = b.badges()
			p = b.run(dir)
		}
	}
	p.settle(a.last())
	for more := service.take(b, 100); len(more) > 0; more = service.take(b, 100) {
		got = append(got, more...)
	}
	l := newLedger(t)
	var want []string
	for _, s := range b.storedEvents(1) {
		c := l.enter(&s).(*events.Change)
		want = append(want, fmt.Sprintf("%s %d", c.User, c.Version))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("changes (-stored +got):\n%s", d)
	}
	v := p.view(a.last())
	defer v.Close()
	for i := range 7 {
		l.settled(v, member(i))
	}
}
