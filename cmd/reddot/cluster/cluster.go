package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// readyWait bounds the wait for a server's listeners.
	readyWait = 30 * time.Second
	// lookEvery is how often it is looked whether the cluster is there.
	lookEvery = 10 * time.Millisecond
	// planTries is how many plans are tried whose ports others may take.
	planTries = 5
)

// Config configures a Cluster.
type Config struct {
	Name    string
	Dir     string // of the servers' files
	Servers int
	Later   int // of them, the last ones: Start leaves them to Begin

	// Change, unless nil, changes the options of a server.
	Change func(i int, o *server.Options)
	// Log, unless nil, hears what the servers log.
	Log server.Logger
}

// Cluster is a cluster in this process. It is for one goroutine.
type Cluster struct {
	Plan
	cfg     Config
	servers []*server.Server // nil: stopped
}

// Start starts the servers of a cluster, which listen when it returns; they may
// not have found together yet, see Wait.
func Start(cfg Config) (*Cluster, error) {
	var err error
	for range planTries {
		c := &Cluster{cfg: cfg, servers: make([]*server.Server, cfg.Servers)}
		if c.Plan, err = NewPlan(cfg.Name, cfg.Dir, cfg.Servers); err != nil {
			return nil, err
		}
		for i := 0; i < cfg.Servers-cfg.Later && err == nil; i++ {
			err = c.begin(i)
		}
		for i := 0; i < cfg.Servers-cfg.Later && err == nil; i++ {
			err = c.listens(i)
		}
		if err == nil {
			return c, nil
		}
		c.Close()
	}
	return nil, err
}

// Begin starts a server that was stopped, at the same place, or was left out. It
// listens when Begin returns.
func (c *Cluster) Begin(i int) error {
	if err := c.begin(i); err != nil {
		return err
	}
	return c.listens(i)
}

func (c *Cluster) begin(i int) error {
	o, err := c.Options(i)
	if err != nil {
		return err
	}
	if c.cfg.Change != nil {
		c.cfg.Change(i, o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("configure %s: %w", o.ServerName, err)
	}
	if c.cfg.Log != nil {
		s.SetLoggerV2(c.cfg.Log, false, false, false)
	}
	s.Start()
	c.servers[i] = s
	return nil
}

func (c *Cluster) listens(i int) error {
	if !c.servers[i].ReadyForConnections(readyWait) {
		return fmt.Errorf("%s does not listen after %v", c.Plan.Server(i), readyWait)
	}
	return nil
}

// Wait returns once the cluster can make streams: it has a leader, and that knows
// every server which runs.
func (c *Cluster) Wait(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !c.together() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(errors.New("the servers have not found together"), ctx.Err())
		}
	}
	return nil
}

func (c *Cluster) together() bool {
	running, led := 0, 0
	for _, s := range c.servers {
		if s == nil {
			continue
		}
		running++
		if s.JetStreamIsLeader() {
			led = 0
			for _, p := range s.JetStreamClusterPeers() {
				if p != "" {
					led++
				}
			}
		}
	}
	return led >= running
}

// At is a server; nil while it is stopped.
func (c *Cluster) At(i int) *server.Server { return c.servers[i] }

// Leads is the server that leads a stream of the global account; -1: none does.
func (c *Cluster) Leads(stream string) int {
	for i, s := range c.servers {
		if s != nil && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return i
		}
	}
	return -1
}

// Stop ends a server cleanly: what it leads is handed over.
func (c *Cluster) Stop(i int) {
	if s := c.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		c.servers[i] = nil
	}
}

// Close ends all servers.
func (c *Cluster) Close() {
	for _, s := range c.servers {
		if s != nil {
			s.Shutdown()
		}
	}
	for i := range c.servers {
		c.Stop(i)
	}
}
