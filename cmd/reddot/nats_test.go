package main

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// testServer is a server with the command stream.
func testServer(t *testing.T) (*natstest.Server, jetstream.Stream) {
	t.Helper()
	s := natstest.Start(t)
	subjects := defaultSubjects(t)
	return s, testkit.Must(s.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: subjects.CommandStream(), Subjects: []string{subjects.Commands()},
	}))(t)
}

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc := testkit.Must(nats.Connect(url))(t)
	t.Cleanup(nc.Close)
	return nc
}

func defaultSubjects(t *testing.T) events.Subjects {
	t.Helper()
	return testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
}

func lastSeq(t *testing.T, stream jetstream.Stream) uint64 {
	t.Helper()
	return testkit.Must(stream.Info(testkit.Context(t)))(t).State.LastSeq
}

// readyWait bounds the wait for a server of a test, and for its answers.
const readyWait = 10 * time.Second
