package main_test

import (
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/testkit/natstest"
)

// testTerminate ends the server in good order under load. It ends in time, and
// the next one goes on where it stopped.
func testTerminate(t *testing.T, p program) {
	dir, listen := t.TempDir(), natstest.Address(t)
	c := p.serve(t, dir, "--listen", listen)
	d := newDrill(t, p, c.nats, drillLines)
	for range 2 {
		d.amid(t, 4, func() { c.terminate(t) })
		c = p.serve(t, dir, "--listen", listen)
		last := settled(t, connect(t, c.nats), 0).Applied
		if again := events.Seq(c.metric(t, "reddot_commands_applied_total")); again >= last {
			t.Errorf("after a good end %d of %d commands are folded again", again, last)
		}
	}
	c.terminate(t)
	for range 4 { // also while it starts
		starting := p.start(t, dir, nil, "--listen", listen, "--log-level", "debug")
		<-starting.stderr.line
		<-time.After(time.Duration(d.rng.IntN(150)) * time.Millisecond)
		starting.terminate(t)
	}
	p.serve(t, dir, "--listen", listen)
	d.finish(t)
}

// testStandby: two servers on one NATS server. One tells, the other stands by
// and takes over when the first one is gone.
func testStandby(t *testing.T, p program) {
	url := natstest.Start(t).URL()
	first := p.serve(t, t.TempDir(), "--nats", url)
	d := newDrill(t, p, url, drillLines)
	second := p.serve(t, t.TempDir(), "--nats", url)
	either := []*child{first, second}[d.rng.IntN(2)]
	d.amid(t, 4, either.kill)
	d.finish(t)
}
