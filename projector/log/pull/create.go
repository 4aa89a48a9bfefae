package pull

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// createAgain is how often a consumer is asked for until one is there: a request may
// be lost with a server of a cluster that fails, or sent while there is no leader,
// and a new consumer may be put on a server that hangs.
const createAgain = 500 * time.Millisecond

// created is an answer.
type created struct {
	consumer jetstream.Consumer
	err      error
}

// create makes the consumer; pending is how many messages it is to deliver. Each
// request is for another one, of which the first that is there is used, and the
// others are removed. connected announces a new connection: then what was asked on the
// one before is lost.
func (s *session) create(ctx context.Context, connected <-chan nats.Status) (pending uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	answers := make(chan created, askTimeout/createAgain+1)
	var names []string
	ask := func() {
		inbox := s.conn.NewInbox()
		name := inbox[strings.LastIndexByte(inbox, '.')+1:] // nobody can guess it
		names = append(names, name)
		asking.Go(func() {
			c, err := s.askFor(ctx, name)
			answers <- created{c, err}
		})
	}
	again := time.NewTicker(createAgain)
	defer again.Stop()
	ask()
	for {
		select {
		case a := <-answers:
			if a.err != nil {
				return 0, fmt.Errorf("read stream %s from seq %d: %w", s.name, s.next, a.err)
			}
			return s.use(a.consumer.CachedInfo(), names), nil
		case <-connected:
			return 0, errReconnected
		case <-again.C:
			if len(names) < cap(answers) {
				ask()
			}
		}
	}
}

// askFor asks for a consumer of a name.
func (s *session) askFor(ctx context.Context, name string) (c jetstream.Consumer, err error) {
	config := s.config()
	config.Name = name
	what := "CONSUMER.CREATE." + s.name + "." + name
	if s.Subject != "" {
		what += "." + s.Subject
	}
	err = s.Ask(ctx, what, func(ctx context.Context) (err error) {
		c, err = s.js.CreateConsumer(ctx, s.name, config)
		return err
	})
	return c, err
}

// use uses a consumer, and removes the others that were asked for.
func (s *session) use(info *jetstream.ConsumerInfo, asked []string) (pending uint64) {
	s.consumer = info.Name
	s.own = "." + s.name + "." + s.consumer + "."
	if most := info.Config.MaxRequestBatch; most > 0 { // the server's own limit
		s.batch = min(s.batch, most)
	}
	for _, name := range asked {
		if name != s.consumer {
			_ = s.conn.Publish(s.api+s.removes(name), nil) // else the server does when it has been inactive
		}
	}
	return info.NumPending
}
