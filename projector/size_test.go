package projector_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/testkit"
)

// TestLargeMessage stores a message that is larger than what is asked for at a
// time into a log that an older reddot has made, without a bound: it is refused,
// and what is behind it is applied. From then on the stream takes no such
// message, and nobody may change that.
func TestLargeMessage(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	b.Stop()
	b.Options.MaxPayload, b.Options.MaxPending = 32<<20, 128<<20
	b.restart()
	b.js = testkit.Must(jetstream.New(b.Connect()))(t)
	older := jetstream.StreamConfig{
		Name: b.subjects.CommandStream(), Description: "reddot: the commands, from which everything else follows",
		Subjects: []string{b.subjects.Commands()}, Discard: jetstream.DiscardNew, DenyDelete: true, MaxMsgSize: -1,
	}
	testkit.Must(b.js.CreateStream(t.Context(), older))(t)
	subject := b.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: "alice"})
	large := bytes.Repeat([]byte("x"), 18<<20)
	for _, payload := range [][]byte{[]byte(`{"id":"m1","from":"bob"}`), large, []byte(`{"id":"m2","from":"bob"}`)} {
		testkit.Must(b.js.Publish(testkit.Context(t), subject, payload))(t)
	}
	p := b.run(t.TempDir())
	p.settle(3)
	if s := p.status(); s.Refused != 1 {
		t.Errorf("%d commands are refused, not 1", s.Refused)
	}
	b.readByAll(3)

	_, err := b.js.Publish(testkit.Context(t), subject, large)
	if api := new(jetstream.APIError); !errors.As(err, &api) || !strings.Contains(err.Error(), "maximum allowed") {
		t.Errorf("a further one: %v", err)
	}
	bounded := b.commands().CachedInfo().Config
	if bounded.MaxMsgSize != 1<<20 {
		t.Errorf("max_msg_size is %d", bounded.MaxMsgSize)
	}
	p.end() // it looks at the stream too
	for _, size := range []int32{-1, 2 << 20, 1 << 19} {
		bounded.MaxMsgSize = size
		testkit.Must(b.js.UpdateStream(t.Context(), bounded))(t)
		testkit.WantError(t, p.CheckLog(t.Context()), log.ErrNotWhole, "max_msg_size must be 1048576", "nats stream edit UNREAD_COMMANDS --max-msg-size=1048576")
	}
	bounded.MaxMsgSize = 1 << 20
	testkit.Must(b.js.UpdateStream(t.Context(), bounded))(t)
	p.stop()

	// A stream without a bound that no older reddot has made is not used.
	bounded.MaxMsgSize, bounded.Description = -1, "mine"
	testkit.Must(b.js.UpdateStream(t.Context(), bounded))(t)
	testkit.WantError(t, b.refused(t.TempDir()), log.ErrNotWhole, "max_msg_size must be 1048576", "--max-msg-size=1048576")
}
