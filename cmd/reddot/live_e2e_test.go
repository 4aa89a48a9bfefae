package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/testkit"
)

// testRebuildLive builds the store anew, and takes and verifies snapshots, while
// commands come and listeners listen: nobody is told anything twice, nothing is
// missing, and every answer is right.
func testRebuildLive(t *testing.T, p program) {
	dir := t.TempDir()
	c := p.serve(t, dir, "--snapshot-every", "5000", "--snapshot-keep", "2")
	d := newDrill(t, p, c.nats, drillLines)
	d.apps = follow(t, c.nats, "a", "ba", "user7")
	d.amid(t, 8, func() {
		for range 3 {
			matches(t, "the new store is in use since seq [0-9]+\n", p.run(t, nil, "rebuild", "--server", c.nats).done(t))
			p.run(t, nil, "snapshot", "create", "--server", c.nats).done(t)
			p.run(t, nil, "verify", "--data", dir, "--server", c.nats).done(t)
		}
	})
	last := d.finish(t).last
	status := p.run(t, nil, "status", "--server", c.nats).done(t)
	matches(t, `.*\nRebuild: +done at 20.*, in use since seq [0-9]+\nSnapshot: +done at 20.*, seq [0-9]+, .* bytes, .* new\n.*`, status)

	// Interrupting the command does not interrupt the server.
	o := &operator{t: t, program: p, dir: dir, server: c}
	asked := settled(t, d.nc, last).Rebuild.Started
	for i := 0; i < 3 || settled(t, d.nc, last).Rebuild.Started == asked; i++ { // until one has come so far
		o.interrupt(time.Duration(20+i*30)*time.Millisecond, "rebuild")
	}
	testkit.Eventually(t, "the rebuild asked for has ended", func() bool {
		r := settled(t, d.nc, last).Rebuild
		return r.State == events.Done && r.Started > asked
	})
	matches(t, fmt.Sprintf("verified: the state at seq %d is what the log says .*", last), o.run("verify").done(t))
	if strings.Contains(c.stderr.String(), "was not what the log says") {
		t.Error("a store was not what the log says")
	}
}
