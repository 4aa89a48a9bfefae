package main_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// testDrift changes the command stream's configuration so that it could lose
// commands, while the server runs. It answers nothing until that is set back,
// and then goes on with what was published meanwhile. Then the stream is
// deleted: nothing is answered, and nobody makes another.
func testDrift(t *testing.T, p program) {
	url := natstest.Start(t).URL()
	c := p.serve(t, t.TempDir(), "--nats", url)
	d := newDrill(t, p, url, 2_000)
	js, name := jetStream(t, d.nc), subjects(t).CommandStream()
	users := []string{"a", "b"}
	settled(t, d.nc, publish(t, d.nc, "unread.cmd.user.a.message", `{"id":"m1","from":"b"}`))
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	drifted := stream.CachedInfo().Config
	drifted.MaxAge = 1000 * time.Hour
	update := func(config jetstream.StreamConfig) {
		t.Helper()
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	update(drifted)
	c.stops(t, users, name, "max_age must be 0", "nats stream edit")
	meanwhile := publish(t, d.nc, "unread.cmd.user.a.message", `{"id":"m2","from":"b"}`)
	update(stream.CachedInfo().Config)
	testkit.Eventually(t, "the server goes on", func() bool {
		s, err := askSoon[events.Status](d.nc, subjects(t).Status(), request{})
		return err == nil && s.State == "live" && s.Applied >= meanwhile
	})
	d.finish(t)

	if err := js.DeleteStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	c.stops(t, users, name, "is gone")
	if _, err := js.Stream(t.Context(), name); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the deleted stream: %v", err)
	}
	c.terminate(t)
}
