package failover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// The commands that are published meanwhile.
const (
	userCount = 50
	usualRate = 200 // a second
	readShare = 3   // of ten commands; the others are messages
)

// How a back end publishes: a command that is not acknowledged in time, or refused,
// is sent again with the same id.
const (
	ackWait    = time.Second
	retryAfter = 100 * time.Millisecond
)

// laneRoom is how many commands of a user may wait for those before: some minutes
// of them.
const laneRoom = 1_024

// load publishes commands, by itself: a back end's client sends nothing twice, and
// what is measured is how long a command takes that has to be sent again. Those to one user are sent one after the other, as a
// back end does that keeps their order.
type load struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	subjects events.Subjects
	rate     int // a second
	rng      *rand.Rand
	drawn    int               // commands, each with an id
	newest   map[[2]int]string // id of the newest message, by user and sender

	lanes  [userCount]chan *nats.Msg
	quit   context.CancelFunc // no further commands
	ended  sync.WaitGroup     // drawing, and the lanes
	acks   silence
	closed error // set by draw

	mu struct {
		sync.Mutex
		last    events.Seq
		longest gap // of a command that was sent more than once: until it was acknowledged
		again   int // such commands
		why     error
	}
}

func user(i int) string { return fmt.Sprintf("u%02d", i) }

func newLoad(conn *nats.Conn, s events.Subjects, seed uint64, rate int) (*load, error) {
	js, err := jetstream.New(conn)
	return &load{conn: conn, js: js, subjects: s, rate: rate, rng: rand.New(rand.NewPCG(seed, 2)), newest: map[[2]int]string{}}, err
}

// begin begins to publish.
func (l *load) begin(ctx context.Context) {
	drawing, quit := context.WithCancel(ctx)
	l.quit = quit
	for i := range l.lanes {
		l.lanes[i] = make(chan *nats.Msg, laneRoom)
		l.ended.Add(1)
		go l.send(ctx, l.lanes[i])
	}
	l.ended.Add(1)
	go l.draw(drawing)
}

// end stops publishing, once all is acknowledged, and returns the seq of the last
// command.
func (l *load) end(ctx context.Context) (events.Seq, error) {
	l.quit()
	ended := make(chan struct{})
	go func() {
		l.ended.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		return 0, fmt.Errorf("commands are not acknowledged: %w", errors.Join(ctx.Err(), l.mu.why))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.last, l.closed
}

// draw hands the lanes their commands, at the rate.
func (l *load) draw(ctx context.Context) {
	defer l.ended.Done()
	defer func() {
		for _, lane := range l.lanes {
			close(lane)
		}
	}()
	begin := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(l.rate))
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for ; n < int(time.Since(begin).Seconds()*float64(l.rate)); n++ {
			to, msg, err := l.next()
			if err != nil {
				l.closed = err
				return
			}
			select {
			case l.lanes[to] <- msg:
			default:
				l.closed = fmt.Errorf("%d commands to %s are not acknowledged", laneRoom, user(to))
				return
			}
		}
	}
}

// next draws a command.
func (l *load) next() (to int, msg *nats.Msg, err error) {
	l.drawn++
	to = l.rng.IntN(userCount)
	peer := (to + 1 + l.rng.IntN(userCount-1)) % userCount
	id := strconv.Itoa(l.drawn)
	c := events.Command{Verb: events.UserMessage, Inbox: user(to), ID: id, From: user(peer)}
	if known := l.newest[[2]int{to, peer}]; known != "" && l.rng.IntN(10) < readShare {
		c = events.Command{Verb: events.UserRead, Inbox: user(to), Upto: known,
			Conversation: events.ConversationID{Kind: events.C2C, ID: user(peer)}}
	} else {
		l.newest[[2]int{to, peer}] = id
	}
	payload, err := events.Encode(&c)
	if err != nil {
		return 0, nil, fmt.Errorf("encode a command: %w", err)
	}
	msg = nats.NewMsg(l.subjects.Command(events.Target{Verb: c.Verb, Inbox: c.Inbox}))
	msg.Data = payload
	msg.Header.Set(jetstream.MsgIDHeader, "drill-"+id)
	return to, msg, nil
}

// send sends a lane's commands.
func (l *load) send(ctx context.Context, lane <-chan *nats.Msg) {
	defer l.ended.Done()
	for msg := range lane {
		first := time.Now()
		for sent := 1; ; sent++ {
			trying, cancel := context.WithTimeout(ctx, ackWait)
			ack, err := l.js.PublishMsg(trying, msg, jetstream.WithRetryAttempts(0))
			cancel()
			if err == nil {
				l.acked(ack, first, sent)
				break
			}
			l.refused(err)
			select {
			case <-time.After(retryAfter):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (l *load) refused(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.why = err
}

func (l *load) acked(ack *jetstream.PubAck, first time.Time, sent int) {
	now := time.Now()
	l.acks.heard(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.last = max(l.mu.last, events.Seq(ack.Sequence))
	if sent == 1 {
		return
	}
	l.mu.again++
	if took := now.Sub(first); took > l.mu.longest.For {
		l.mu.longest = gap{first, took}
	}
}

// mark begins to measure.
func (l *load) mark(now time.Time) {
	l.acks.begin(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.longest, l.mu.again = gap{}, 0
}

// refusals is how many commands were sent more than once since the mark, the
// longest time until one of them was acknowledged, and why the last was refused.
func (l *load) refusals() (again int, longest gap, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.again > 0 {
		why = l.mu.why
	}
	return l.mu.again, l.mu.longest, why
}
