package journal

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
)

// journalOf is the journal of a stream, of a writer.
func (s streamed) journalOf(id string, window int) *Journal {
	return New(Config{Stream: s, Log: "test", ID: id, Window: window, Subject: "unread-out.fence-0", Logger: slog.New(slog.DiscardHandler)})
}

// TestFenceBehindForeign takes over while foreign messages come in between the look
// at the stream's end and the fence. The writer before has seen them, and has as
// many messages as it may on their way to the places behind them: none of those is
// stored any more, however many foreign messages there were.
func TestFenceBehindForeign(t *testing.T) {
	const window = 4
	for foreign := range 2*window + 1 {
		t.Run(fmt.Sprint(foreign), func(t *testing.T) {
			t.Parallel()
			s := newStreamed(t)
			j := s.journalOf("new", window)
			looked, err := j.ends.look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			j.ends.store(t, s, looked.Last+1)
			if looked, err = j.ends.look(t.Context()); err != nil {
				t.Fatal(err)
			}
			if foreign > 0 {
				s.flood(t, foreign)
			}
			var late []*nats.Msg
			for place := looked.Last + uint64(foreign) + 1; len(late) < window; place++ {
				msg := nats.NewMsg("unread-out.0.evt.a.change")
				msg.Header.Set(HeaderWriter, "writer")
				j.ends.sealer.bind(place, msg)
				late = append(late, msg)
			}
			end, err := j.Claim(t.Context(), looked)
			if err != nil {
				t.Fatal(err)
			}
			if grown := end.Last - looked.Last; grown > uint64(foreign)+window {
				t.Errorf("the fence and %d foreign messages lengthen the stream by %d", foreign, grown)
			}
			for _, msg := range late {
				if ack, err := s.js.PublishMsg(t.Context(), msg); err == nil {
					t.Errorf("a message of the writer before is stored at %d, behind the end of the fence at %d", ack.Sequence, end.Last)
				}
			}
		})
	}
}

// flooded is a stream in which foreign messages are stored after each look at its
// end, before anything that is sent then.
type flooded struct {
	streamed
	t       *testing.T
	foreign int
	looks   int
	due     bool
}

func (f *flooded) Tail(ctx context.Context) (End, error) {
	f.looks++
	f.due = true
	return f.streamed.Tail(ctx)
}

func (f *flooded) Append(msg *nats.Msg) (Future, error) {
	if f.due {
		f.due = false
		f.flood(f.t, f.foreign)
	}
	return f.streamed.Append(msg)
}

// TestFenceInFlood takes over while somebody stores messages all the time, so that
// what goes to the place behind the end never comes in time: that needs a few
// attempts, not luck.
func TestFenceInFlood(t *testing.T) {
	for name, ended := range map[string]bool{"an empty stream": true, "behind an event": false} {
		for _, foreign := range []int{1, 40, 400} {
			t.Run(fmt.Sprint(name, " ", foreign), func(t *testing.T) {
				f := &flooded{streamed: newStreamed(t), t: t, foreign: foreign}
				j := f.journalOf("new", Window)
				looked, err := j.ends.look(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !ended {
					j.ends.store(t, f.streamed, 1)
				}
				j.stream, j.ends.stream = f, f
				if looked, err = j.ends.look(t.Context()); err != nil || looked.Free() != ended {
					t.Fatalf("it ends with %+v, %v", looked, err)
				}
				f.looks = 0
				end, err := j.Claim(t.Context(), looked)
				if err != nil || end.Writer != "new" {
					t.Fatalf("it ends with %+v, %v", end, err)
				}
				if f.looks > 10 {
					t.Errorf("it takes %d looks", f.looks)
				}
			})
		}
	}
}
