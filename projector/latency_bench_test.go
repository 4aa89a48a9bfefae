package projector_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit/natstest"
)

// latencyRate is the rate of commands at which latency is measured, per
// second.
const latencyRate = 200

// BenchmarkLatency measures the time from the publishing of a message command
// to the receiver's hearing of the change event, and beside it, turn by turn,
// that of the bare pipe: publish to a stream, consume, publish, receive.
func BenchmarkLatency(b *testing.B) {
	srv := natstest.Start(b)
	ctx, cancel := context.WithCancel(b.Context())
	subjects, err := events.NewSubjects("unread")
	if err != nil {
		b.Fatal(err)
	}
	p, err := projector.Open(ctx, projector.Config{
		Conn: srv.Connect(), Subjects: subjects, Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler), FanoutLimit: 1000,
	})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	}()
	barePipe(b, ctx, srv.Connect())

	client := srv.Connect()
	heard := make(chan *nats.Msg, 16)
	for _, subject := range []string{subjects.Change("alice"), "bare.out"} {
		if _, err := client.ChanSubscribe(subject, heard); err != nil {
			b.Fatal(err)
		}
	}
	if err := client.Flush(); err != nil {
		b.Fatal(err)
	}
	var reddot, bare []time.Duration
	tick := time.NewTicker(time.Second / latencyRate / 2)
	defer tick.Stop()
	i := 0
	once := func(subject string, payload []byte) time.Duration {
		<-tick.C
		start := time.Now()
		if err := client.Publish(subject, payload); err != nil {
			b.Fatal(err)
		}
		<-heard
		return time.Since(start)
	}
	for b.Loop() {
		i++
		payload := fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, i)
		reddot = append(reddot, once("unread.cmd.user.alice.message", payload))
		bare = append(bare, once("bare.in", payload))
	}
	slices.Sort(reddot)
	slices.Sort(bare)
	at := func(d []time.Duration, percent int) float64 {
		return float64(d[len(d)*percent/100]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(reddot, 50), "p50-ms")
	b.ReportMetric(at(reddot, 99), "p99-ms")
	b.ReportMetric(at(bare, 50), "bare-p50-ms")
	b.ReportMetric(at(bare, 99), "bare-p99-ms")
	b.ReportMetric(at(reddot, 50)/at(bare, 50), "p50-ratio")
	b.ReportMetric(at(reddot, 99)/at(bare, 99), "p99-ratio")
}

// barePipe passes messages of a stream on to a subject.
func barePipe(b *testing.B, ctx context.Context, conn *nats.Conn) {
	js, err := jetstream.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "BARE", Subjects: []string{"bare.in"}}); err != nil {
		b.Fatal(err)
	}
	c, err := js.OrderedConsumer(ctx, "BARE", jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	run, err := c.Consume(func(m jetstream.Msg) {
		if err := conn.Publish("bare.out", m.Data()); err != nil {
			b.Error(err)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(run.Stop)
}
