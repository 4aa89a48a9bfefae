package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// maxStreaks bounds what is remembered of the commands' seqs, 24 bytes each. One
// streak is enough if nobody else publishes; the worst case is one for each
// command.
const maxStreaks = 1 << 20

// Refusal is a command that was published, stored and refused.
type Refusal struct {
	Label   int // as [Publisher.AddEncoded] was given it; -1: not known any more
	Seq     events.Seq
	Subject string
	Reason  string
}

// Genuine reports whether a message of the event stream, as it is stored there
// with a sequence, is one that reddot wrote. It is called by one goroutine.
type Genuine func(seq uint64, m *nats.Msg) bool

// WithRefusals has a publisher hear which of its commands are refused, from before
// the first one is stored; [Publisher.Refused] says it. The first named ones are
// kept by name, the others are counted. genuine sorts out what others have stored
// in the event stream; nil: nobody else may.
//
// It takes the permission to subscribe to <prefix>.rejected and to look into the
// event stream ($JS.API.STREAM.INFO and STREAM.MSG.GET of it).
func WithRefusals(named int, genuine Genuine) PublisherOption {
	return func(p *Publisher) { p.refusals = &refusals{most: named, genuine: genuine} }
}

// Refused waits for what is on the way and returns the first refused commands, and
// how many there are in all. All events of the commands are to be stored by then
// ([Client.WaitEmitted] of the seq that Flush returned), and nothing is to be added
// any more. A publisher that was not opened WithRefusals knows of none.
func (p *Publisher) Refused(ctx context.Context) (first []Refusal, count int64, err error) {
	if p.refusals == nil {
		return nil, 0, nil
	}
	ctx, cancel := p.client.bound(ctx)
	defer cancel()
	first, count, err = p.refusals.result(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("ask which commands were refused: %w", err)
	}
	return first, count, nil
}

// streak is commands with consecutive labels, one after the other, with
// consecutive seqs.
type streak struct {
	label, n int
	seq      events.Seq
}

// refusals hears which of a publisher's commands are refused. A nil one hears
// nothing.
//
// reddot reports refusals on a subject of its own once they are stored in the
// event stream. Those of other publishers come there,
// too, so the seqs of the own ones are kept.
type refusals struct {
	client     *Client
	js         jetstream.JetStream
	sub        *nats.Subscription
	genuine    Genuine
	most       int    // refusals that are kept by name
	before     uint64 // the event stream's last sequence when hearing began
	reconnects uint64 // of the connection then

	mu    sync.Mutex
	moved *sync.Cond // any of what follows has changed
	own   []streak
	first events.Seq // of the own commands
	last  events.Seq // of the own commands so far
	old   events.Seq // own commands up to here are not distinguished from others' any more
	ended bool       // there are no more own commands
	heard uint64     // the event stream's sequence of the last refusal heard
	named []Refusal  // the first ones
	count int64      // all
}

// errForeign is about a message that reddot did not write.
var errForeign = errors.New("not reddot's")

// open begins to hear.
func (r *refusals) open(ctx context.Context, c *Client) (err error) {
	r.client, r.js, r.moved = c, c.js, sync.NewCond(&r.mu)
	r.reconnects = c.conn.Stats().Reconnects
	subject := c.subjects.Rejected()
	if r.sub, err = c.conn.Subscribe(subject, r.hear); err == nil {
		err = c.conn.FlushWithContext(ctx) // from here on, what is stored is heard
	}
	var stream jetstream.Stream
	if err == nil {
		stream, err = r.stream(ctx)
	}
	if err != nil {
		r.close()
		return fmt.Errorf("listen on %s: %w", subject, err)
	}
	if stream != nil {
		r.before = stream.CachedInfo().State.LastSeq
	}
	return nil
}

// stream is the event stream; nil if reddot has not made it yet.
func (r *refusals) stream(ctx context.Context) (jetstream.Stream, error) {
	stream, err := r.js.Stream(ctx, r.client.subjects.EventStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	return stream, err
}

func (r *refusals) close() {
	if r == nil {
		return
	}
	r.end()
	if r.sub != nil {
		_ = r.sub.Unsubscribe() // if the connection is closed, nobody hears anything
	}
}

// stored says that a command was stored at a seq, in the order of the seqs.
func (r *refusals) stored(label int, seq events.Seq) {
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
		if end := &r.own[n-1]; label == end.label+end.n && seq == end.seq+events.Seq(end.n) {
			end.n++
			return
		}
		if n == maxStreaks {
			r.old = r.own[n/2].seq - 1
			r.own = slices.Clone(r.own[n/2:])
		}
	}
	r.own = append(r.own, streak{label: label, n: 1, seq: seq})
}

// end says that there are no more commands, and reports whether there were any.
func (r *refusals) end() (any bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.moved.Broadcast()
	return r.first > 0
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
	var rejected events.Rejected
	if stored := (&nats.Msg{Subject: m.Header.Get(jetstream.SubjectHeader), Header: m.Header, Data: m.Data}); r.genuine != nil && !r.genuine(seq, stored) {
		err = errForeign
	} else {
		err = events.Unmarshal(m.Header.Get(events.HeaderContentType), m.Data, &rejected)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for err == nil && rejected.Seq > r.last && !r.ended {
		r.moved.Wait()
	}
	if err == nil {
		if label, own := r.label(rejected.Seq); own {
			r.count++
			r.keep(Refusal{label, rejected.Seq, rejected.Subject, rejected.Reason})
		}
	}
	r.heard = max(r.heard, seq)
	r.moved.Broadcast()
}

// keep keeps the refusals with the lowest seqs by name, in their order. They come in
// it, unless somebody else wrote into the event stream: then some are stored again,
// behind others.
func (r *refusals) keep(one Refusal) {
	i, _ := slices.BinarySearchFunc(r.named, one.Seq, func(a Refusal, seq events.Seq) int { return cmp.Compare(a.Seq, seq) })
	r.named = slices.Insert(r.named, i, one)
	r.named = r.named[:min(len(r.named), r.most)]
}

// label is the label of a command, if it is one's own.
func (r *refusals) label(seq events.Seq) (label int, own bool) {
	if seq <= r.old {
		return -1, seq >= r.first
	}
	i, exact := slices.BinarySearchFunc(r.own, seq, func(a streak, seq events.Seq) int { return cmp.Compare(a.seq, seq) })
	if !exact {
		i--
	}
	if i < 0 || seq >= r.own[i].seq+events.Seq(r.own[i].n) {
		return -1, false
	}
	return r.own[i].label + int(seq-r.own[i].seq), true
}

// result is what was refused, once all that is stored was heard.
func (r *refusals) result(ctx context.Context) (first []Refusal, count int64, err error) {
	if !r.end() {
		return nil, 0, nil
	}
	newest, err := r.newest(ctx)
	if err == nil {
		err = r.client.conn.FlushWithContext(ctx) // what the server has sent is here
	}
	if err != nil {
		return nil, 0, err
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
		return nil, 0, err
	case dropped > 0:
		return nil, 0, fmt.Errorf(`%d refusals came too fast to be heard: see "reddot watch --rejected --since ..."`, dropped)
	case r.client.conn.Stats().Reconnects != r.reconnects:
		return nil, 0, errors.New(`the connection was lost meanwhile, and refusals with it: see "reddot watch --rejected --since ..."`)
	case r.heard < newest:
		return nil, 0, fmt.Errorf("a refusal that is stored was not heard in time: %w", ctx.Err())
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
