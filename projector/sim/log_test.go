package sim

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log"
	"reddot/projector/log/pull"
)

// logStream is the command stream over a process's link. It implements
// log.Stream; the embedded interface is nil: nothing is trimmed here.
type logStream struct {
	log.Stream
	lane *lane
}

func (s logStream) CachedInfo() *jetstream.StreamInfo {
	subjects := s.lane.w.history.subjects
	return &jetstream.StreamInfo{Created: identity.Created, Config: jetstream.StreamConfig{
		Name: subjects.CommandStream(), Subjects: []string{subjects.Commands()}, Storage: jetstream.FileStorage,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: 1 << 20, DenyDelete: true,
	}}
}

// requestTimeout is how long nats.go waits for an answer if nothing is said.
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
func (s logStream) GetMsg(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
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

// Read implements log.Stream. To begin is a request to the server.
func (s logStream) Read(ctx context.Context, o pull.Options, fn func(*pull.Message) error) error {
	for {
		asking, cancel := context.WithTimeout(ctx, requestTimeout)
		_, err := ask(asking, s.lane, func() (struct{}, error) { return struct{}{}, nil })
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	w := s.lane.w
	w.mu.Lock()
	r := &reading{lane: s.lane, handle: fn, next: events.Seq(o.From), ended: make(chan error, 1)}
	r.lane.readers = append(r.lane.readers, r)
	r.hole = w.holeFor(s.lane.name)
	r.resume()
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		r.stopped = true
	}()
	select {
	case err := <-r.ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reading delivers commands one after the other. After a cut it goes on where
// it was, as a reading does whose consumer is made again; now and then one comes
// that has come before.
type reading struct {
	lane    *lane
	handle  func(*pull.Message) error
	next    events.Seq
	hole    *hole // nil: none
	under   bool  // one is on its way
	stopped bool
	ended   chan error // what the handler returned
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
	c := &w.history.log[seq-1]
	at := time.UnixMilli(int64(c.time)).UnixNano()
	if err := r.handle(&pull.Message{Seq: uint64(seq), At: at, Subject: c.subject, Data: c.payload}); err != nil {
		r.stopped = true
		r.ended <- err
	}
}

// openLog opens the log over a lane.
func (w *world) openLog(l *lane) (*log.Log, error) {
	return log.New(logStream{lane: l}, w.history.subjects, w.logger)
}
