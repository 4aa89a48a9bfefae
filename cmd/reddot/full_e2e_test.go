package main_test

import (
	"testing"
	"time"

	"reddot/projector/testkit/natstest"
)

// testDiskFull lets no file grow beyond a size, as a full disk does. The server
// ends by itself and says what it can't write. Started again where there is
// room it goes on: nothing that was acknowledged is lost, nothing is told
// twice.
func testDiskFull(t *testing.T, p program) {
	const blocks = 16 // of 512 bytes: what the smallest files need
	t.Run("log", func(t *testing.T) {
		dir, listen := t.TempDir(), natstest.Address(t)
		fill(t, p, func(p program) *child { return p.serve(t, dir, "--listen", listen, "--snapshots", "off") },
			40*blocks, "the NATS server can't write to disk", "start again", "UNREAD_")
	})
	t.Run("store", func(t *testing.T) {
		dir, url := t.TempDir(), natstest.Start(t).URL()
		fill(t, p, func(p program) *child { return p.serve(t, dir, "--nats", url, "--snapshots", "off") },
			blocks, "write the store to disk", "start again", ".sst")
	})
}

// fill publishes to a server whose files may have so many blocks until it
// ends, and starts another without a limit.
func fill(t *testing.T, p program, serve func(program) *child, blocks int, words ...string) {
	t.Helper()
	c := serve(p.limited("-f", blocks))
	d := newDrill(t, p, c.nats, 2_000)
	fed := startFeeder(t, c.nats, d.rng.Uint64())
	select {
	case <-c.exited:
	case <-time.After(waitTimeout):
		t.Fatalf("it goes on: %s", c.stderr)
	}
	c.result().failedAtEnd(t, words...)
	t.Logf("it ends after %d commands: %s", fed.count(), lastLine(c.stderr.String()))
	serve(p)
	fed.goesOn(t)
	fed.end(t)
	fed.compare(t, d.finish(t))
}
