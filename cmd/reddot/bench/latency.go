package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"

	"reddot/events"
)

// latencyRates are the rates at which latency is measured, in messages a
// second.
func latencyRates() []int { return []int{200, 1_000, 10_000} }

const (
	// latencyUsers receive the messages in turn. Each is notified of every message
	// as long as reddot keeps up; then it merges changes.
	latencyUsers = 1_000
	// latencyTurns is how often the lines take turns at each rate, so that what
	// else happens on the machine meets them all.
	latencyTurns = 4
	// heardWait bounds the wait for the last event.
	heardWait = 30 * time.Second
)

// line is a way from a publisher to a subscriber.
//
// Message i is for user i modulo latencyUsers. Hearing of it means hearing of
// all the user's messages before it.
type line struct {
	name    string
	server  *server
	subject func(i int) string                 // that message i is published on
	heard   func(*nats.Msg) (i int, err error) // the message that an event is about

	sent    int // messages, over all turns
	pending atomic.Pointer[pending]
}

// pending are the messages on their way in one turn.
type pending struct {
	mu    sync.Mutex
	first int         // the first message of the turn
	due   []time.Time // when each was to be sent
	next  [latencyUsers]int
	times sample
	err   error
	done  chan struct{} // closed when all are heard of, or err is set
}

func newPending(first, n int) *pending {
	p := &pending{first: first, due: make([]time.Time, n), done: make(chan struct{})}
	for i := range latencyUsers {
		p.next[(first+i)%latencyUsers] = first + i
	}
	return p
}

// hear notes that the user of message i has heard of it.
func (p *pending) hear(i int, now time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil || len(p.times) == len(p.due) {
		return
	}
	if err == nil && (i < 0 || i >= p.first+len(p.due)) {
		err = fmt.Errorf("heard of message %d before it was sent", i)
	}
	if err == nil {
		next := &p.next[i%latencyUsers]
		for ; *next <= i; *next += latencyUsers {
			p.times = append(p.times, now.Sub(p.due[*next-p.first]))
		}
	}
	if p.err = err; err != nil || len(p.times) == len(p.due) {
		close(p.done)
	}
}

// listen subscribes to what the line reports.
func (l *line) listen(conn *nats.Conn, subject string) error {
	_, err := conn.Subscribe(subject, func(m *nats.Msg) {
		now := time.Now()
		i, err := l.heard(m)
		if p := l.pending.Load(); p != nil {
			p.hear(i, now, err)
		}
	})
	if err == nil {
		err = conn.Flush()
	}
	return err
}

// turn sends n messages at a rate and returns how long after it was to be sent
// each was heard of. A sender that falls behind its schedule does not slow it
// down, so a stall counts for all who wait in it.
func (l *line) turn(ctx context.Context, rate, n int) (sample, error) {
	p := newPending(l.sent, n)
	payloads := make([][]byte, n)
	for i := range payloads {
		payloads[i] = message(l.sent + i)
	}
	l.pending.Store(p)
	gap := time.Second / time.Duration(rate)
	clock := newPacer(gap)
	defer clock.close()
	begin := time.Now().Add(time.Millisecond)
	for i := range p.due {
		p.due[i] = begin.Add(time.Duration(i) * gap)
	}
	for i, payload := range payloads {
		clock.wait(p.due[i])
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := l.server.conn.Publish(l.subject(l.sent+i), payload); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
	}
	l.sent += n
	select {
	case <-p.done:
		return p.times, p.err
	case <-time.After(heardWait):
		return nil, fmt.Errorf("%s: some of %d messages were not heard of in %v", l.name, n, heardWait)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// message is the payload of message i.
func message(i int) []byte {
	c := events.Command{Verb: events.UserMessage, Inbox: user(i % latencyUsers), ID: strconv.Itoa(firstID + i), From: user(latencyUsers)}
	payload, err := events.Encode(&c)
	if err != nil {
		panic(err) // nothing in it can be wrong
	}
	return payload
}

// firstID has as many digits as the ids of the workload.
const firstID = 1_700_000_000_000_000_000

// reddotLine is the way through reddot: command, change event.
func (b *bench) reddotLine(ctx context.Context) (*line, error) {
	s, err := b.startReddot(ctx, "latency")
	if err != nil {
		return nil, err
	}
	l := &line{
		name: "reddot", server: s,
		subject: func(i int) string {
			return b.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: user(i % latencyUsers)})
		},
		// The stream is fresh and has one publisher: message i is command i+1.
		heard: func(m *nats.Msg) (int, error) {
			var change struct {
				Version int `msgpack:"version"`
			}
			err := msgpack.Unmarshal(m.Data, &change)
			return change.Version - 1, err
		},
	}
	return l, s.hears(l, b.subjects.Prefix()+".evt.*.change")
}

// bareLine is the way through a bare pipe.
func (b *bench) bareLine(s *server, name string, p pipe) (*line, error) {
	l := &line{
		name: name, server: s,
		subject: func(int) string { return p.in },
		heard: func(m *nats.Msg) (int, error) {
			var message struct {
				ID string `msgpack:"id"`
			}
			err := msgpack.Unmarshal(m.Data, &message)
			if err != nil {
				return 0, err
			}
			i, err := strconv.Atoi(message.ID)
			return i - firstID, err
		},
	}
	return l, s.hears(l, p.heard)
}

// hears subscribes a line on a connection of its own.
func (s *server) hears(l *line, subject string) error {
	conn, err := s.connect()
	if err != nil {
		return err
	}
	return l.listen(conn, subject)
}

// latency is the stage of that name.
func (b *bench) latency(ctx context.Context) error {
	if err := b.endLog(); err != nil {
		return err
	}
	bare, err := b.startNATS(ctx, "pipe", "--pipe")
	if err != nil {
		return err
	}
	lines := make([]*line, 3)
	if lines[0], err = b.reddotLine(ctx); err != nil {
		return err
	}
	for i, p := range []pipe{barePipe(), storedPipe()} {
		if lines[i+1], err = b.bareLine(bare, p.name, p); err != nil {
			return err
		}
	}
	for _, rate := range latencyRates() {
		if err := b.latencyAt(ctx, rate, lines); err != nil {
			return err
		}
	}
	return errors.Join(bare.end(), lines[0].server.end())
}

// latencyAt measures at one rate: the first line, beside the others.
func (b *bench) latencyAt(ctx context.Context, rate int, lines []*line) error {
	times := make([]sample, len(lines))
	each := max(1, int(b.cfg.For.Seconds()*float64(rate))/latencyTurns)
	err := b.step(fmt.Sprintf("latency at %d/s", rate), latencyTurns*len(lines)*each, func(step *Step) error {
		for range latencyTurns {
			for i, l := range lines {
				t, err := l.turn(ctx, rate, each)
				if err != nil {
					return err
				}
				times[i] = append(times[i], t...)
				step.done.Add(int64(each))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range quantiles() {
		f := figure("latency", latencyName(rate, q.name), Seconds, times[0].at(q.share).Seconds())
		for i, other := range lines[1:] {
			named := f
			if i > 0 { // a figure has one reference
				named.Name += " beside a " + other.name
			}
			b.note(named.compare(other.name, times[i+1].at(q.share).Seconds()))
		}
	}
	return nil
}

func latencyName(rate int, quantile string) string { return fmt.Sprintf("%d/s, %s", rate, quantile) }
