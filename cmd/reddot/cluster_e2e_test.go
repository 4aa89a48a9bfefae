package main_test

import (
	"syscall"
	"testing"
	"time"

	"reddot/cmd/reddot/failover"
	"reddot/projector/testkit"
)

// clusterStarts is how often both reddots are started at the same moment, by
// default.
const clusterStarts = 2

// clusterRate is the commands a second: a busy machine keeps up with it.
const clusterRate = 100

// testCluster: three NATS servers and two reddots, each a process. Parts of them end,
// are killed and hang under load: nothing is told twice, no version goes backward,
// and each reddot answers what was told. How long anything takes is not looked at:
// that is for the benchmark. With more effort than by default everything fails that
// can, each a test of its own, for the flag -run.
func testCluster(t *testing.T, p program) {
	faults := []failover.Fault{
		{Signal: syscall.SIGKILL, Whom: failover.Emitter},
		{Signal: syscall.SIGSTOP, Whom: failover.Emitter},
		{Signal: syscall.SIGTERM, Whom: failover.Emitter},
		{Signal: syscall.SIGKILL, Whom: failover.EventsLeader},
	}
	if testkit.Effort(1) > 1 {
		faults = failover.Faults()
	}
	for range testkit.Effort(clusterStarts) - 1 {
		startDrill(t, p, func(*failover.Drill) {})
	}
	startDrill(t, p, func(d *failover.Drill) {
		for _, f := range faults {
			whole := t.Run(f.String(), func(t *testing.T) {
				o, err := d.Do(t.Context(), f)
				checkOutcome(t, d, o, err)
			})
			if !whole {
				return
			}
		}
	})
}

// startDrill starts a cluster and two reddots on it, and does something with them.
func startDrill(t *testing.T, p program, do func(*failover.Drill)) {
	t.Helper()
	d, err := failover.Start(t.Context(), failover.Config{
		Program: p.path, Dir: t.TempDir(), Seed: testkit.Seed(t), Rate: clusterRate, Report: func(did string) { t.Log(time.Now().Format(time.TimeOnly), did) },
	})
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	checkOutcome(t, d, failover.Outcome{}, err)
	begun, err := d.Begin(t.Context())
	checkOutcome(t, d, begun, err)
	do(d)
}

// checkOutcome ends the test if something is wrong, and shows what all processes
// have logged.
func checkOutcome(t *testing.T, d *failover.Drill, o failover.Outcome, err error) {
	t.Helper()
	if err == nil {
		err = o.Err()
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, d.Logs())
	}
}
