package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
)

// What projector.Log needs of JetStream, over a process's link. The embedded
// interfaces are nil: what a Log comes to need is to be added here.

// logServer has the command stream.
type logServer struct {
	jetstream.JetStream
	lane *lane
}

// Stream finds the stream at once: a process starts when it can.
func (s logServer) Stream(context.Context, string) (jetstream.Stream, error) {
	return logStream{lane: s.lane}, nil
}

type logStream struct {
	jetstream.Stream
	lane *lane
}

func (s logStream) CachedInfo() *jetstream.StreamInfo {
	subjects := s.lane.w.history.subjects
	return &jetstream.StreamInfo{Created: identity.Created, Config: jetstream.StreamConfig{
		Name: subjects.CommandStream(), Subjects: []string{subjects.Commands()}, Storage: jetstream.FileStorage,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, DenyDelete: true,
	}}
}

// requestTimeout is how long nats.go waits for an answer if it isn't told.
const requestTimeout = 5 * time.Second

func (s logStream) Info(ctx context.Context, _ ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return ask(ctx, s.lane, func() (*jetstream.StreamInfo, error) {
		info := s.CachedInfo()
		n := s.lane.w.server.last
		info.State = jetstream.StreamState{Msgs: uint64(n), FirstSeq: 1, LastSeq: uint64(n)}
		return info, nil
	})
}

// GetMsg reads one command, from a replica that misses it for as long as it must
// be mended.
func (s logStream) GetMsg(ctx context.Context, seq uint64, _ ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return ask(ctx, s.lane, func() (*jetstream.RawStreamMsg, error) {
		w := s.lane.w
		h := w.server.hole
		if seq == 0 || events.Seq(seq) > w.server.last || h != nil && h.times > maxReadings && h.hides(s.lane.name, events.Seq(seq)) {
			return nil, jetstream.ErrMsgNotFound
		}
		c := &w.history.log[seq-1]
		return &jetstream.RawStreamMsg{Subject: c.subject, Sequence: seq, Data: c.payload, Time: time.UnixMilli(int64(c.time))}, nil
	})
}

// OrderedConsumer makes a consumer: a request to the server.
func (s logStream) OrderedConsumer(ctx context.Context, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return ask(ctx, s.lane, func() (jetstream.Consumer, error) {
		return consumer{lane: s.lane, from: events.Seq(cfg.OptStartSeq)}, nil
	})
}

type consumer struct {
	jetstream.Consumer
	lane *lane
	from events.Seq
}

func (c consumer) Consume(handle jetstream.MessageHandler, _ ...jetstream.PullConsumeOpt) (jetstream.ConsumeContext, error) {
	w := c.lane.w
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &reading{lane: c.lane, handle: handle, next: c.from}
	r.lane.readers = append(r.lane.readers, r)
	r.hole = w.holeFor(c.lane.name)
	r.resume()
	return r, nil
}

// reading delivers commands one after the other. After a cut it goes on where
// it was, as an ordered consumer does that is made anew; now and then one comes
// that has come before.
type reading struct {
	jetstream.ConsumeContext
	lane    *lane
	handle  jetstream.MessageHandler
	next    events.Seq
	hole    *hole // nil: none
	under   bool  // one is on its way
	stopped bool
}

// Stop implements jetstream.ConsumeContext. It is called with world.mu free.
func (r *reading) Stop() {
	r.lane.w.mu.Lock()
	defer r.lane.w.mu.Unlock()
	r.stopped = true
}

// resume sends the next command, if there is one and none is on its way.
func (r *reading) resume() {
	w := r.lane.w
	if r.hole != nil && r.hole.hides(r.lane.name, r.next) {
		r.next = r.hole.last + 1
	}
	if r.stopped || r.under || !r.lane.up || r.next > w.server.last {
		return
	}
	r.under = true
	pause := r.lane.between(time.Microsecond, 20*time.Microsecond)
	if r.lane.one(8) {
		pause = r.lane.delay()
	}
	epoch := r.lane.epoch
	r.lane.in = r.lane.afterReply(max(r.lane.in+1, w.now()+pause))
	w.at(r.lane.in, func() {
		r.under = false
		if !r.stopped && epoch == r.lane.epoch && !r.lane.dead {
			r.deliver()
		}
		if !r.lane.dead {
			r.resume()
		}
	})
}

func (r *reading) deliver() {
	w, seq := r.lane.w, r.next
	if w.plan.repeats && seq > 1 && r.lane.one(50) && w.mayRepeat(r.lane.name, seq) {
		seq -= 1 + events.Seq(r.lane.Int64N(int64(min(seq-1, 3))))
	} else {
		r.next++
	}
	w.note("%s gets command %d", r.lane.name, seq)
	r.handle(&message{seq: seq, command: &w.history.log[seq-1]})
}

// message is a command as it is delivered.
type message struct {
	jetstream.Msg
	seq     events.Seq
	command *command
}

func (m *message) Subject() string { return m.command.subject }
func (m *message) Data() []byte    { return m.command.payload }

// Reply is where JetStream says what it delivers.
func (m *message) Reply() string {
	at := time.UnixMilli(int64(m.command.time))
	return fmt.Sprintf("$JS.ACK.%s.consumer.1.%d.1.%d.0", identity.Stream, m.seq, at.UnixNano())
}

// openLog opens the log over a lane.
func (w *world) openLog(l *lane) (*projector.Log, error) {
	return projector.FindLog(context.Background(), logServer{lane: l}, w.history.subjects, w.logger)
}
