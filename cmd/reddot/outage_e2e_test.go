package main_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
	"reddot/projector/twin"
)

// hangs is how long the NATS server hangs, by default: longer than anybody waits
// for it.
const hangs = 12 * time.Second

// testServerAway: the NATS server is away for a while, in good order and by a
// crash, and comes back with its data; then it hangs for longer than anybody
// waits for it. The server, those who publish, listen and ask go on by
// themselves.
func testServerAway(t *testing.T, p program) {
	const away = 2 * time.Second
	listen := natstest.Address(t)
	// Another reddot, of another prefix, is the NATS server: it can be killed.
	natsDir := t.TempDir()
	host := func() *child {
		return p.serve(t, natsDir, "--listen", listen, "--prefix", "other", "--snapshots", "off")
	}
	server := host()
	dir := t.TempDir()
	c := p.serve(t, dir, "--nats", server.nats)
	const lines = 2_000
	d := newDrill(t, p, server.nats, lines)
	users := []string{"a", "ba", "x.y%*> z"}
	d.apps = follow(t, server.nats, users...)
	asking := askAlways(t, server.nats, users...)
	fed := startFeeder(t, server.nats, d.rng.Uint64())

	for _, end := range []func(){func() { server.terminate(t) }, func() { server.kill() }} {
		fed.goesOn(t)
		end()
		c.unready(t, "the NATS server is lost")
		<-time.After(away)
		server = host()
		c.readyAgain(t)
	}
	fed.goesOn(t)
	server.signal(t, syscall.SIGSTOP)
	hung := time.After(testkit.Duration(hangs))
	c.unready(t, "") // it is not said to hang before it has for some pings
	c.unready(t, "the NATS server is lost")
	<-hung
	server.signal(t, syscall.SIGCONT)
	c.readyAgain(t)
	fed.goesOn(t)
	commands := fed.end(t)
	testkit.Eventually(t, "answer again", func() bool {
		s, err := askSoon[events.Status](d.nc, subjects(t).Status(), request{})
		return err == nil && s.State == "live"
	})
	fed.compare(t, d.finish(t))
	asking.end(t)
	t.Logf("%d commands acknowledged, %d sent again; %d answers, %d errors", commands, fed.again, asking.answers, asking.errors)
	status := settled(t, d.nc, 0)
	if c.over() {
		t.Fatalf("it has ended: %s", c.stderr)
	}
	c.terminate(t)
	again := p.serve(t, t.TempDir(), "--nats", server.nats)
	if got := settled(t, d.nc, 0); got.Digest != status.Digest || got.Applied != status.Applied {
		t.Errorf("another server folds the log to %+v, not %+v", got, status)
	}
	again.terminate(t)
}

// testEndWithoutServer: a server ends as soon as it is asked to where its NATS
// server hangs, or is gone.
func testEndWithoutServer(t *testing.T, p program) {
	for _, away := range []func(*child){
		func(server *child) { server.signal(t, syscall.SIGSTOP) },
		func(server *child) { server.kill() },
	} {
		server := p.serve(t, t.TempDir(), "--prefix", "other", "--snapshots", "off")
		c := p.serve(t, t.TempDir(), "--nats", server.nats)
		away(server)
		c.unready(t, "")
		c.terminate(t)
	}
}

// unready waits until a server says that it is not ready, and why.
func (c *child) unready(t *testing.T, why string) {
	t.Helper()
	testkit.Eventually(t, "/readyz says "+why, func() bool {
		code, body, err := probe(c.http + "/readyz")
		return err == nil && code == http.StatusServiceUnavailable && strings.Contains(body, why)
	})
}

// readyAgain waits until a server says that it is ready.
func (c *child) readyAgain(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, "/readyz says ready", func() bool {
		code, _, err := probe(c.http + "/readyz")
		return err == nil && code == http.StatusOK
	})
}

// signal sends a signal.
func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// feedEvery is how often a feeder sends a command.
const feedEvery = time.Millisecond

// feeder is a back end that sends random commands, one after the other. One
// that is not acknowledged is sent again.
type feeder struct {
	stop    context.CancelFunc
	stopped chan struct{}

	mu    sync.Mutex
	acked map[events.Seq]string // subject and payload
	again int
}

// startFeeder begins to send commands.
func startFeeder(t *testing.T, url string, seed uint64) *feeder {
	t.Helper()
	const patience = 2 * time.Second
	c, err := client.New(connect(t, url), client.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &feeder{stop: stop, stopped: make(chan struct{}), acked: map[events.Seq]string{}}
	s := subjects(t)
	t.Cleanup(stop)
	go func() {
		defer close(f.stopped)
		g := twin.NewGenerator(seed, twin.Config{Users: 40, Groups: 6})
		tick := time.NewTicker(feedEvery)
		defer tick.Stop()
		var command events.Command
		for ctx.Err() == nil {
			<-tick.C
			g.Next(&command)
			payload, err := events.Encode(&command)
			if err != nil {
				panic(err)
			}
			for ctx.Err() == nil {
				seq, err := c.Send(ctx, command)
				f.mu.Lock()
				if err == nil {
					f.acked[seq] = s.Command(events.Target{Verb: command.Verb, Inbox: command.Inbox}) + " " + string(payload)
				} else {
					f.again++
				}
				f.mu.Unlock()
				if err == nil {
					break
				}
			}
		}
	}()
	return f
}

func (f *feeder) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.acked)
}

// goesOn waits until some hundred further commands are acknowledged.
func (f *feeder) goesOn(t *testing.T) {
	t.Helper()
	want := f.count() + 500
	testkit.Eventually(t, "commands are acknowledged", func() bool { return f.count() > want })
}

// end stops sending, and returns how many commands were acknowledged.
func (f *feeder) end(t *testing.T) int {
	t.Helper()
	f.stop()
	select {
	case <-f.stopped:
	case <-time.After(waitTimeout):
		t.Fatal("a command is still being sent")
	}
	return f.count()
}

// compare checks that what was acknowledged is in the log, where the
// acknowledgement said.
func (f *feeder) compare(t *testing.T, h *history) {
	t.Helper()
	for seq, want := range f.acked {
		if int(seq) >= len(h.payloads) || h.payloads[seq] != want {
			t.Errorf("seq %d is not the command that was acknowledged as it", seq)
		}
	}
}
