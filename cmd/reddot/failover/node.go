package failover

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"reddot/cmd/reddot/cluster"
)

// NodeCommand is the hidden command as which this program is a server of the
// cluster: its arguments are a plan as JSON, and the number of the server.
const NodeCommand = "drill-node"

// nodeWait bounds the wait for a server's listener.
const nodeWait = 30 * time.Second

// RunNode is a server of a cluster until ctx ends: then it ends as nats-server does
// after SIGTERM. It writes a line once it listens, and its log to standard error.
func RunNode(ctx context.Context, plan cluster.Plan, i int, out io.Writer) error {
	o, err := plan.Options(i)
	if err != nil {
		return err
	}
	o.NoLog, o.Logtime = false, true
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("configure %s: %w", plan.Server(i), err)
	}
	s.ConfigureLogger()
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(nodeWait) {
		return fmt.Errorf("%s does not listen after %v", plan.Server(i), nodeWait)
	}
	fmt.Fprintln(out, "ready nats="+s.ClientURL())
	<-ctx.Done()
	return nil
}
