package pull_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
)

// TestServerSays checks what package pull relies on of nats-server, word by word,
// as its doc lists it.
func TestServerSays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.store("in.some", nats.Header{"Status": {"100"}}, nil)
	stream := testkit.Must(r.js.Stream(t.Context(), name))(t)
	consumer := testkit.Must(stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Name: "C", AckPolicy: jetstream.AckNonePolicy}))(t)
	inbox := r.conn.NewInbox()
	answers := make(chan *nats.Msg, 100)
	testkit.Must(r.conn.ChanSubscribe(inbox+".*", answers))(t)
	next := func() *nats.Msg {
		t.Helper()
		select {
		case m := <-answers:
			return m
		case <-time.After(testkit.Patience):
			t.Fatal("no answer")
			return nil
		}
	}
	ask := func(request, consumer string, body map[string]any) {
		t.Helper()
		testkit.OK(t, r.conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.LOG."+consumer, inbox+"."+request, testkit.Must(json.Marshal(body))(t)))
	}
	says := func(request, status, description string) {
		t.Helper()
		m := next()
		if m.Subject != inbox+"."+request || m.Reply != "" || m.Header.Get("Status") != status || m.Header.Get("Description") != description {
			t.Errorf("%s is answered on %s, with reply subject %q: %v; want %s %s", request, m.Subject, m.Reply, m.Header, status, description)
		}
	}
	ask("small", "C", map[string]any{"batch": 5, "max_bytes": 10, "expires": testkit.Patience})
	says("small", "409", "Message Size Exceeds MaxBytes")

	ask("one", "C", map[string]any{"batch": 1, "max_bytes": 1 << 20, "expires": testkit.Patience})
	m := next()
	if !strings.HasPrefix(m.Reply, "$JS.ACK.LOG.C.1.1.1.") || m.Subject != "in.some" {
		t.Errorf("the message comes on %s with the reply subject %q", m.Subject, m.Reply)
	}
	says("one", "409", "Batch Completed") // behind the message, as bytes are left

	ask("empty", "C", map[string]any{"batch": 1, "expires": 300 * time.Millisecond, "idle_heartbeat": 100 * time.Millisecond})
	says("empty", "100", "Idle Heartbeat")
	says("empty", "100", "Idle Heartbeat")
	says("empty", "408", "Request Timeout")

	ask("nobody", "NONE", map[string]any{"batch": 1, "expires": testkit.Patience})
	says("nobody", "503", "")

	ask("deleted", "C", map[string]any{"batch": 1, "expires": testkit.Patience})
	testkit.Eventually(r, "the request waits", func() bool { return testkit.Must(consumer.Info(t.Context()))(t).NumWaiting == 1 })
	testkit.OK(t, stream.DeleteConsumer(t.Context(), "C"))
	says("deleted", "409", "Consumer Deleted")
}

// TestServerDenies checks how the server says that something is not permitted.
func TestServerDenies(t *testing.T) {
	t.Parallel()
	r := newRig(t, withUsers(&server.Permissions{
		Publish:   &server.SubjectPermission{Deny: []string{"no.publish"}},
		Subscribe: &server.SubjectPermission{Deny: []string{"no.subscribe"}},
	}))
	conn := r.Connect(nats.UserInfo("limited", "limited"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	said := func(want string) {
		t.Helper()
		testkit.OK(t, conn.Flush())
		if err := conn.LastError(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	testkit.OK(t, conn.Publish("no.publish", nil))
	said(`Permissions Violation for Publish to "no.publish"`)
	testkit.Must(conn.SubscribeSync("no.subscribe"))(t)
	said(`Permissions Violation for Subscription to "no.subscribe"`)
}
