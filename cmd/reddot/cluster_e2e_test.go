package main_test

import (
	"flag"
	"strings"
	"syscall"
	"testing"
	"time"

	"reddot/cmd/reddot/failover"
)

var (
	clusterLong   = flag.Bool("cluster.long", false, "in the test \"cluster\" everything fails that can, and more starts are tried")
	clusterFaults = flag.String("cluster.faults", "", "in the test \"cluster\" those alone of all faults that have this in their names")
)

// How often both reddots are started at the same moment.
const (
	clusterStarts     = 3
	clusterLongStarts = 30
)

// clusterRate is the commands a second: a busy machine keeps up with it.
const clusterRate = 100

// testCluster: three NATS servers and two reddots, each a process. Parts of them end,
// are killed and hang under load: nothing is told twice, no version goes backward,
// and each reddot answers what was told. How long anything takes is not looked at:
// that is for the benchmark.
func testCluster(t *testing.T, p program) {
	faults, starts := []failover.Fault{
		{Signal: syscall.SIGKILL, Whom: failover.Emitter},
		{Signal: syscall.SIGSTOP, Whom: failover.Emitter},
		{Signal: syscall.SIGTERM, Whom: failover.Emitter},
		{Signal: syscall.SIGKILL, Whom: failover.EventsLeader},
	}, clusterStarts
	if *clusterLong || *clusterFaults != "" {
		faults = failover.Faults()
	}
	if *clusterLong {
		starts = clusterLongStarts
	}
	for range starts - 1 {
		startDrill(t, p, func(*failover.Drill) {})
	}
	startDrill(t, p, func(d *failover.Drill) {
		for _, f := range faults {
			if strings.Contains(f.String(), *clusterFaults) {
				o, err := d.Do(t.Context(), f)
				checkOutcome(t, d, o, err)
			}
		}
	})
}

// startDrill starts a cluster and two reddots on it, and does something with them.
func startDrill(t *testing.T, p program, do func(*failover.Drill)) {
	t.Helper()
	d, err := failover.Start(t.Context(), failover.Config{
		Program: p.path, Dir: t.TempDir(), Seed: drawSeed(t), Rate: clusterRate, Told: func(did string) { t.Log(time.Now().Format(time.TimeOnly), did) },
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
