package failover

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"reddot/cmd/reddot/cluster"
	"reddot/cmd/reddot/process"
)

// nodeCount is the servers of the cluster.
const nodeCount = 3

// startWait bounds the wait for a process that is started.
const startWait = 2 * time.Minute

// keptLog is the bytes of a process's log that are kept.
const keptLog = 64 << 10

// nodes are the NATS servers, each a process.
type nodes struct {
	cluster.Plan
	program string
	running [nodeCount]*process.Process
}

// planTries is how many plans are tried whose ports others may take.
const planTries = 5

// startNodes starts a cluster.
func startNodes(ctx context.Context, program, dir string) (*nodes, error) {
	var err error
	for range planTries {
		n := &nodes{program: program}
		if n.Plan, err = cluster.NewPlan("drill", filepath.Join(dir, "nats"), nodeCount); err != nil {
			return nil, err
		}
		for i := 0; i < nodeCount && err == nil; i++ {
			err = n.begin(i)
		}
		for i := 0; i < nodeCount && err == nil; i++ {
			err = n.ready(ctx, i)
		}
		if err == nil || ctx.Err() != nil {
			return n, err
		}
		n.kill()
	}
	return nil, err
}

// begin starts a server, which may not listen yet.
func (n *nodes) begin(i int) error {
	plan, err := json.Marshal(n.Plan)
	if err != nil {
		return err
	}
	n.running[i], err = process.Start(process.Config{
		Program: n.program, Args: []string{NodeCommand, string(plan), strconv.Itoa(i)}, Kept: keptLog,
	})
	return err
}

// ready waits until a server listens.
func (n *nodes) ready(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	_, err := n.running[i].Line(ctx)
	return err
}

// kill ends all of them.
func (n *nodes) kill() {
	for _, p := range n.running {
		if p != nil {
			p.Kill()
		}
	}
}

// number is that of the server with a name.
func (n *nodes) number(name string) (int, error) {
	for i := range nodeCount {
		if n.Server(i) == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no server of the cluster is named %q", name)
}
