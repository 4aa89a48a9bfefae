package pull_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
	"reddot/projector/testkit"
)

// BenchmarkRead reads a stream of small messages, and compares with the client
// library's ordered consumer, given requests of the same size.
func BenchmarkRead(b *testing.B) {
	const messages = 200_000
	r := newRig(b)
	r.fill(messages, bytes.Repeat([]byte("x"), 100))
	perMessage := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*messages), "ns/message")
	}
	b.Run("pull", func(b *testing.B) {
		for b.Loop() {
			read := 0
			testkit.OK(b, r.stream().Read(b.Context(), pull.Options{From: 1, Upto: messages}, func(*pull.Message) error {
				read++
				return nil
			}))
			if read != messages {
				b.Fatalf("%d messages, not %d", read, messages)
			}
		}
		perMessage(b)
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			c := testkit.Must(r.js.OrderedConsumer(b.Context(), name, jetstream.OrderedConsumerConfig{}))(b)
			read, done := 0, make(chan struct{})
			run := testkit.Must(c.Consume(func(jetstream.Msg) {
				if read++; read == messages {
					close(done)
				}
			}, jetstream.PullMaxMessagesWithBytesLimit(40_000, 16<<20), jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(500*time.Millisecond)))(b)
			<-done
			run.Stop()
		}
		perMessage(b)
	})
}
