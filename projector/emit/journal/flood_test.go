package journal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestWriterInFlood writes while somebody stores messages all the time, so that what
// goes to the place behind the end never comes in time: that needs a few attempts,
// not luck.
func TestWriterInFlood(t *testing.T) {
	for _, foreign := range []int{1, 40, 200} {
		t.Run(fmt.Sprint(foreign), func(t *testing.T) {
			f := &flooded{streamed: newStreamed(t), t: t, foreign: foreign}
			j := f.journalOf("writer", Window)
			j.stream, j.ends.stream = f, f
			end, err := j.ends.look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w := j.Writer(end, func() {}, func(*nats.Msg) {})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var sent []*nats.Msg
			for n := range 3 {
				msg := nats.NewMsg(fmt.Sprint("unread-out.0.evt.", n, ".change"))
				msg.Header.Set(HeaderWriter, "writer")
				msg.Header.Set(HeaderAt, fmt.Sprint(n+1))
				sent = append(sent, msg)
				err := w.Send(ctx, msg, nil)
				if err == nil {
					err = w.Finish(ctx)
				}
				if err != nil {
					t.Fatalf("message %d is not stored: %v", n, err)
				}
			}
			if f.looks > 30 {
				t.Errorf("it takes %d looks", f.looks)
			}
			for n, msg := range sent {
				times := 0
				err := f.Read(ctx, 1, w.Next()-1, func(seq uint64, m *nats.Msg) error {
					if m.Subject == msg.Subject && j.ends.sealer.genuine(seq, m) {
						times++
					}
					return nil
				})
				if err != nil || times != 1 {
					t.Errorf("message %d is stored %d times, %v", n, times, err)
				}
			}
		})
	}
}
