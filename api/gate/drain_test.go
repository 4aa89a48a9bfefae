package gate_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"reddot/api/gate"
	"reddot/projector/testkit"
)

// TestStopping: who has asked an instance that stops before the log acknowledged
// the command hears that nobody knows.
func TestStopping(t *testing.T) {
	w := newWorld(t)
	r := w.start(gate.Config{}, false)
	if err := w.js.DeleteStream(t.Context(), w.subjects.CommandStream()); err != nil {
		t.Fatal(err)
	}
	taken := make(chan *nats.Msg, 1)
	testkit.Must(w.conn.ChanSubscribe(w.subjects.Commands(), taken))(t)
	inbox := nats.NewInbox()
	sub := testkit.Must(w.conn.SubscribeSync(inbox))(t)
	if err := w.conn.PublishRequest(w.subjects.Do("alice", "read-all"), inbox, []byte(`{"timeout_ms":30000}`)); err != nil {
		t.Fatal(err)
	}
	<-taken
	r.stop()
	if got := read(t, testkit.Must(sub.NextMsg(testkit.Patience))(t)); got.code != "503" || !got.Uncertain {
		t.Errorf("got %+v", got)
	}
}
