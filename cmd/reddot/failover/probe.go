package failover

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// probeEvery is how often the leaders are asked.
const probeEvery = 50 * time.Millisecond

// probe asks the cluster's leaders, to know how long it has none: of the commands,
// the events, and the cluster's own, which makes consumers. It has nothing to do
// with reddot.
type probe struct {
	answered [3]silence
	quit     context.CancelFunc
	ended    chan struct{}
}

// startProbe begins to ask, by the connections in turn.
func startProbe(ctx context.Context, conns []*nats.Conn, s events.Subjects) (*probe, error) {
	ctx, quit := context.WithCancel(ctx)
	p := &probe{quit: quit, ended: make(chan struct{})}
	inboxes := make([][]string, len(conns))
	asked := []string{"$JS.API.STREAM.INFO." + s.CommandStream(), "$JS.API.STREAM.INFO." + s.EventStream(), "$JS.API.INFO"}
	for i, conn := range conns {
		for j := range asked {
			inbox := conn.NewRespInbox()
			_, err := conn.Subscribe(inbox, func(m *nats.Msg) {
				if len(m.Data) > 0 && !bytes.Contains(m.Data, []byte(`"error"`)) {
					p.answered[j].heard(time.Now())
				}
			})
			if err != nil {
				quit()
				return nil, fmt.Errorf("ask the leaders: %w", err)
			}
			inboxes[i] = append(inboxes[i], inbox)
		}
	}
	go func() {
		defer close(p.ended)
		tick := time.NewTicker(probeEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			at := n % len(conns)
			for j, subject := range asked {
				_ = conns[at].PublishRequest(subject, inboxes[at][j], nil) // one that is lost is missed
			}
		}
	}()
	return p, nil
}

func (p *probe) begin(now time.Time) {
	for i := range p.answered {
		p.answered[i].begin(now)
	}
}

// end is the longest time without a leader since the beginning.
func (p *probe) end(now time.Time) (longest gap) {
	for i := range p.answered {
		if g := p.answered[i].end(now); g.For > longest.For {
			longest = g
		}
	}
	return longest
}

func (p *probe) close() {
	p.quit()
	<-p.ended
}
