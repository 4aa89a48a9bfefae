package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/emit"
)

const (
	// shownRefusals is how many refusals are named; the rest are counted.
	shownRefusals = 100
	// maxStreaks bounds what is remembered of the commands' seqs, 24 bytes each. One
	// streak is enough if nobody else publishes; the worst case is one for each
	// command.
	maxStreaks = 1 << 20
)

// refusal is a command that was published and refused.
type refusal struct {
	Line    int        `json:"line,omitempty"` // that it came from; 0: not known any more
	Seq     events.Seq `json:"seq"`
	Subject string     `json:"subject"`
	Reason  string     `json:"reason"`
}

// streak is commands of one line each, one after the other, with consecutive seqs.
type streak struct {
	line, n int
	seq     events.Seq
}

// refusals hears which of the commands that this program publishes are refused,
// from before the first one is stored.
//
// reddot tells refusals on a subject of its own once they are stored in the
// event stream, in the order of the seqs. Those of other publishers are told
// there, too, so the seqs of the own ones are kept.
type refusals struct {
	client  *client
	sub     *nats.Subscription
	genuine func(seq uint64, msg *nats.Msg) bool // reddot's, and nobody else's
	before  uint64                               // the event stream's last sequence when hearing began

	mu    sync.Mutex
	moved *sync.Cond // any of what follows has changed
	own   []streak
	first events.Seq // of the own commands
	last  events.Seq // of the own commands so far
	old   events.Seq // own commands up to here are not told apart from others' any more
	ended bool       // there are no more own commands
	heard uint64     // the event stream's sequence of the last refusal heard
	named []refusal  // the first ones
	count int64      // all
}

// errForeign is about a message that reddot did not write.
var errForeign = errors.New("not reddot's")

// hearRefusals begins to hear. The caller calls close.
func hearRefusals(ctx context.Context, c *client) (*refusals, error) {
	r := &refusals{client: c}
	r.moved = sync.NewCond(&r.mu)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	stream, err := r.stream(ctx)
	if err == nil && stream != nil {
		js, e := c.jetStream()
		if err = e; err == nil {
			r.genuine, err = emit.Genuine(ctx, js, c.subjects)
		}
	}
	if err == nil {
		r.sub, err = c.Subscribe(c.subjects.Rejected(), r.hear)
	}
	if err == nil {
		err = c.FlushWithContext(ctx) // from here on, what is stored is heard
	}
	if err == nil && stream != nil {
		if stream, err = r.stream(ctx); err == nil && stream != nil {
			r.before = stream.CachedInfo().State.LastSeq
		}
	}
	if why := context.Cause(ctx); errors.Is(err, context.Canceled) && why != nil {
		err = why // such as a permission that is missing
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.subjects.Rejected(), err)
	}
	return r, nil
}

// stream is the event stream; nil if reddot has not made it yet.
func (r *refusals) stream(ctx context.Context) (jetstream.Stream, error) {
	js, err := r.client.jetStream()
	if err != nil {
		return nil, err
	}
	stream, err := js.Stream(ctx, r.client.subjects.EventStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	return stream, err
}

func (r *refusals) close() {
	r.end()
	_ = r.sub.Unsubscribe() // the connection is closed next
}

// stored tells that a line was stored at a seq, in the order of the seqs. A nil
// receiver takes no interest.
func (r *refusals) stored(line int, seq events.Seq) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == 0 {
		r.first = seq
	}
	r.last = seq
	r.moved.Broadcast()
	if n := len(r.own); n > 0 {
		if end := &r.own[n-1]; line == end.line+end.n && seq == end.seq+events.Seq(end.n) {
			end.n++
			return
		}
		if n == maxStreaks {
			cut := r.own[n/2]
			r.old = cut.seq - 1
			r.own = slices.Clone(r.own[n/2:])
		}
	}
	r.own = append(r.own, streak{line: line, n: 1, seq: seq})
}

// end tells that there are no more commands.
func (r *refusals) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.moved.Broadcast()
}

// hear takes one refusal. One that comes before its command's acknowledgement
// waits for it, and those behind it with it, in the subscription's bounds.
func (r *refusals) hear(m *nats.Msg) {
	if m.Header.Get(events.HeaderStream) != r.client.subjects.EventStream() {
		return // anybody may have published it
	}
	seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return
	}
	var told events.Rejected
	if stored := (&nats.Msg{Subject: m.Header.Get(jetstream.SubjectHeader), Header: m.Header, Data: m.Data}); r.genuine != nil && !r.genuine(seq, stored) {
		err = errForeign
	} else {
		err = events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &told)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for err == nil && told.Seq > r.last && !r.ended {
		r.moved.Wait()
	}
	if err == nil {
		if line, own := r.line(told.Seq); own {
			if r.count++; len(r.named) < shownRefusals {
				r.named = append(r.named, refusal{line, told.Seq, told.Subject, told.Reason})
			}
		}
	}
	r.heard = max(r.heard, seq)
	r.moved.Broadcast()
}

// line is the line of a command, if it is one's own.
func (r *refusals) line(seq events.Seq) (line int, own bool) {
	if seq <= r.old {
		return 0, seq >= r.first
	}
	i, exact := slices.BinarySearchFunc(r.own, seq, func(a streak, seq events.Seq) int {
		return int(min(max(int64(a.seq)-int64(seq), -1), 1))
	})
	if !exact {
		i--
	}
	if i < 0 || seq >= r.own[i].seq+events.Seq(r.own[i].n) {
		return 0, false
	}
	return r.own[i].line + int(seq-r.own[i].seq), true
}

// result is what was refused. All events of the commands are stored by now;
// what is on the way is waited for.
func (r *refusals) result(ctx context.Context) (named []refusal, count int64, err error) {
	r.end()
	ctx, cancel := context.WithTimeout(ctx, r.client.timeout)
	defer cancel()
	if r.first == 0 {
		return nil, 0, nil
	}
	newest, err := r.newest(ctx)
	if err == nil {
		err = r.client.FlushWithContext(ctx) // what the server has sent is here
	}
	if err != nil {
		return nil, 0, fmt.Errorf("ask which commands were refused: %w", err)
	}
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.moved.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.heard < newest && ctx.Err() == nil {
		r.moved.Wait()
	}
	dropped, err := r.sub.Dropped()
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("ask which commands were refused: %w", err)
	case dropped > 0:
		return nil, 0, fmt.Errorf(`%d refusals came too fast to be heard: see "reddot watch --rejected --since ..."`, dropped)
	case r.heard < newest:
		return nil, 0, fmt.Errorf("a refusal that is stored was not heard in %v", r.client.timeout)
	}
	return slices.Clone(r.named), r.count, nil
}

// newest is the event stream's sequence of the newest refusal, whoever's; 0 if it
// was stored before hearing began, or if there is none.
func (r *refusals) newest(ctx context.Context) (uint64, error) {
	stream, err := r.stream(ctx)
	if err != nil || stream == nil {
		return 0, err
	}
	m, err := stream.GetLastMsgForSubject(ctx, r.client.subjects.StoredRejected())
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence <= r.before {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}
