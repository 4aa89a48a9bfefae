package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

// kills is how often the server is killed, by default.
const kills = 10

// linesPerKill is how many commands are published from one kill to the next,
// in the mean, where there are many kills.
const linesPerKill = 400

// killing is a server that is killed again and again.
type killing struct {
	program program
	dir     string
	args    []string
	server  *child
	drill   *drill

	left                                       int // kills to come
	starting, folding, snapshotting, unsettled int // kills that hit these
}

// testKill kills the server at random moments: while it is published to, while
// it starts, builds its store anew or takes a snapshot. Nothing is lost,
// counted twice or told twice; no version goes backward; what comes of it all
// is what a clean fold gives.
func testKill(t *testing.T, p program) {
	k := &killing{program: p, dir: t.TempDir(), left: testkit.Effort(kills), args: []string{
		"--listen", natstest.Address(t), "--event-encoding", "json", "--snapshot-every", "1000", "--snapshot-keep", "2",
	}}
	k.server = p.serve(t, k.dir, k.args...)
	k.drill = newDrill(t, p, k.server.nats, max(drillLines, linesPerKill*k.left))
	users := []string{"a", "ba", "x.y%*> z", "紅點", "user7"}
	k.drill.apps = follow(t, k.server.nats, users...)
	asking := askAlways(t, k.server.nats, users...)
	for k.left > 0 {
		k.round(t)
	}
	last := k.drill.finish(t).last
	asking.end(t)
	t.Logf("%d kills: %d of a server that started, %d with a store being built, %d with a snapshot being taken, %d with events to tell; %d answers and %d errors meanwhile",
		testkit.Effort(kills), k.starting, k.folding, k.snapshotting, k.unsettled, asking.answers, asking.errors)
	k.verify(t, settled(t, k.drill.nc, last))
}

// round kills the server once under load, in the middle of what it was asked
// to do, and sometimes the next ones while they start.
func (k *killing) round(t *testing.T) {
	t.Helper()
	rng := k.drill.rng
	nc := connect(t, k.server.nats)
	defer nc.Close()
	var tasks []string
	for _, task := range []string{subjects(t).Rebuild(), subjects(t).Snapshot()} {
		if rng.IntN(2) == 0 {
			tasks = append(tasks, task)
		}
	}
	k.drill.amid(t, max(2, k.left/2), func() {
		for _, task := range tasks {
			told[any](t, nc, task, request{})
			<-time.After(time.Duration(rng.IntN(60)) * time.Millisecond)
		}
		k.note(t, nc)
		k.server.kill()
	})
	k.left--
	k.leftBehind(t)
	for range rng.IntN(3) {
		if k.left == 0 {
			break
		}
		starting := k.program.start(t, k.dir, nil, k.args...)
		<-time.After(time.Duration(rng.IntN(300)) * time.Millisecond)
		starting.kill()
		k.left--
		k.starting++
	}
	k.server = k.program.serve(t, k.dir, k.args...)
}

// note notes whether a server has events to tell, right before it is killed.
func (k *killing) note(t *testing.T, nc *nats.Conn) {
	t.Helper()
	if s := told[events.Status](t, nc, subjects(t).Status(), request{}); s.Emitted < s.Last {
		k.unsettled++
	}
}

// leftBehind notes what a kill has left behind.
func (k *killing) leftBehind(t *testing.T) {
	t.Helper()
	stores, err := filepath.Glob(filepath.Join(k.dir, "store", "0*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(stores) > 1 {
		k.folding++
	}
	scratch, err := os.ReadDir(filepath.Join(k.dir, "scratch", "serve"))
	if err == nil && len(scratch) > 0 {
		k.snapshotting++
	}
}

// verify folds the log again, with the program and with another server: both
// come to the state of the server that was killed.
func (k *killing) verify(t *testing.T, status events.Status) {
	t.Helper()
	says := k.program.run(t, nil, "verify", "--server", k.server.nats, "--data", k.dir).done(t)
	if !strings.Contains(says, "digest "+status.Digest.String()) {
		t.Errorf("verify says %q, the status %s", says, status.Digest)
	}
	k.program.run(t, nil, "snapshot", "verify", "--data", k.dir).done(t)
	k.server.terminate(t)
	k.program.rebuild(t, k.dir, status)
}
