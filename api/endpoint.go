package api

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"reddot/events"
)

// endpoint is one kind of request, where it is heard, and what became of the
// requests of its kind.
type endpoint struct {
	handler
	subject string

	mu struct {
		sync.Mutex
		requests  int
		errors    int
		lastError string
		took      time.Duration // of all of them, less the wait for after_seq
	}
}

// answered counts one reply; f is nil for an answer.
func (e *endpoint) answered(took time.Duration, f *events.Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.requests++
	e.mu.took += took
	if f != nil {
		e.mu.errors++
		e.mu.lastError = f.Error()
	}
}

// stats reports the endpoint's numbers in the framework's words.
func (e *endpoint) stats() micro.EndpointStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := micro.EndpointStats{
		Name: e.name, Subject: e.subject, QueueGroup: micro.DefaultQueueGroup,
		NumRequests: e.mu.requests, NumErrors: e.mu.errors, LastError: e.mu.lastError, ProcessingTime: e.mu.took,
	}
	if e.mu.requests > 0 {
		s.AverageProcessingTime = e.mu.took / time.Duration(e.mu.requests)
	}
	return s
}

// commandEndpoint is the name of the endpoint where users ask for commands.
const commandEndpoint = "do"

// endpoints are what the service answers: what is heard on NATS, and what is only
// asked by Ask.
func endpoints(subjects events.Subjects, all []handler, commands bool) (heard, web []*endpoint) {
	if commands {
		all = append(all, handler{name: commandEndpoint, pattern: events.Subjects.DoPattern, lane: commandLane})
	}
	for _, h := range all {
		e := &endpoint{handler: h}
		switch {
		case h.web:
			web = append(web, e)
			continue
		case h.pattern != nil:
			e.subject = h.pattern(subjects)
		default:
			e.subject = subjects.QueryPattern(h.name)
		}
		heard = append(heard, e)
	}
	return heard, web
}

// subscriptions are those of one service.
type subscriptions struct {
	conn  *nats.Conn
	all   []*nats.Subscription
	ended sync.WaitGroup // one for each, until all that the server sent was taken in
}

// add subscribes; without a queue group every instance hears.
func (s *subscriptions) add(subject, queue string, take nats.MsgHandler) error {
	var sub *nats.Subscription
	var err error
	if queue == "" {
		sub, err = s.conn.Subscribe(subject, take)
	} else {
		sub, err = s.conn.QueueSubscribe(subject, queue, take)
	}
	if err != nil {
		return err
	}
	s.ended.Add(1)
	sub.SetClosedHandler(func(string) { s.ended.Done() })
	s.all = append(s.all, sub)
	return nil
}

// drain takes the subscriptions back: the server sends no more, and what it has
// sent is taken in. Without a connection there is nothing of either, and the next
// one does not begin them again.
func (s *subscriptions) drain() error {
	end := (*nats.Subscription).Drain
	if !s.conn.IsConnected() {
		end = (*nats.Subscription).Unsubscribe
	}
	var err error
	for _, sub := range s.all {
		if e := end(sub); e != nil && !errors.Is(e, nats.ErrConnectionClosed) && !errors.Is(e, nats.ErrBadSubscription) {
			err = errors.Join(err, e)
		}
	}
	return err
}
