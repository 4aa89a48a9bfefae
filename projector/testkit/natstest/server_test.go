package natstest_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestRestart: connections find the server again, at the same address, with what
// was stored, and with other options where they were changed.
func TestRestart(t *testing.T) {
	s := natstest.Start(t, func(o *server.Options) { o.ServerName = "before" })
	js, url := s.JetStream(), s.URL()
	ctx := testkit.Context(t)
	testkit.Must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}))(t)
	testkit.Must(js.Publish(ctx, "s", []byte("kept")))(t)
	s.Stop()
	for _, name := range []string{"stopped", "running"} {
		s.Options.ServerName = name
		s.Restart()
		testkit.Eventually(t, "the connection is back", func() bool { return js.Conn().ConnectedServerName() == name })
		message := testkit.Must(testkit.Must(js.Stream(ctx, "S"))(t).GetMsg(ctx, 1))(t)
		if s.URL() != url || string(message.Data) != "kept" || s.NATS().Name() != name {
			t.Errorf("at %s, was at %s; stored: %q; name %s", s.URL(), url, message.Data, s.NATS().Name())
		}
	}
}

// TestCore: a server without JetStream.
func TestCore(t *testing.T) {
	s := natstest.StartCore(t)
	if s.NATS().JetStreamEnabled() {
		t.Error("it has JetStream")
	}
	if err := s.Connect(nats.Name("x")).Flush(); err != nil {
		t.Error(err)
	}
}

// TestOpen: a server without a test.
func TestOpen(t *testing.T) {
	s := testkit.Must(natstest.Open(t.TempDir()))(t)
	defer s.Stop()
	if !s.NATS().JetStreamEnabled() {
		t.Error("it has no JetStream")
	}
}
