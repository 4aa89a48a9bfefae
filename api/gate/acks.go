package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// acks are the acknowledgements that are waited for: each comes to a subject of its own
// below one inbox. The client library's futures do the same for one message at a time,
// with two channels, a timer and a dozen allocations for each; here a batch has one of
// each.
type acks struct {
	inbox  string // what the subjects begin with
	stream string // that is to acknowledge
	plain  []byte // what an acknowledgement begins with that says nothing but a sequence
	slots  chan struct{}

	mu      sync.Mutex
	last    uint64             // the id that was given out last
	waiting map[uint64]*flight // by id; each holds one of slots
}

// flight is commands of one request on their way, by consecutive ids. An answer stays
// as it is once it is there.
type flight struct {
	acks    *acks
	first   uint64 // id of the first one
	timeout *time.Timer
	all     chan struct{} // closed once left is 0

	answers []answer // acks.mu guards it, and left
	left    int
}

// answer is what became of a command; zero: nothing is known.
type answer struct {
	seq       events.Seq
	duplicate bool
	err       error
}

func newAcks(inbox, stream string, most int) *acks {
	return &acks{
		inbox: inbox + ".", stream: stream, plain: []byte(`{"stream":` + strconv.Quote(stream) + `,"seq":`),
		slots: make(chan struct{}, most), waiting: map[uint64]*flight{},
	}
}

// begin returns a flight of n commands, of which none is on its way.
func (a *acks) begin(n int) *flight {
	f := &flight{acks: a, all: make(chan struct{}), answers: make([]answer, n), left: n}
	a.mu.Lock()
	f.first = a.last + 1
	a.last += uint64(n)
	a.mu.Unlock()
	f.timeout = time.AfterFunc(ackTimeout, func() { f.give(jetstream.ErrAsyncPublishTimeout) })
	return f
}

// add has the i-th answer waited for, which is to come to the subject returned. It waits
// for a slot, until ctx ends.
func (f *flight) add(ctx context.Context, i int) (subject string, err error) {
	a := f.acks
	select {
	case a.slots <- struct{}{}:
	default:
		select {
		case a.slots <- struct{}{}:
		case <-ctx.Done():
			return "", full(ctx.Err())
		}
	}
	id := f.first + uint64(i)
	a.mu.Lock()
	a.waiting[id] = f
	a.mu.Unlock()
	return string(strconv.AppendUint(append(make([]byte, 0, 64), a.inbox...), id, 36)), nil
}

// stop says that nothing is waited for from the i-th on: those are not sent.
func (f *flight) stop(i int) {
	a := f.acks
	a.mu.Lock()
	defer a.mu.Unlock()
	for ; i < len(f.answers); i++ {
		if id := f.first + uint64(i); a.waiting[id] != nil {
			delete(a.waiting, id)
			<-a.slots
		} else if f.answers[i] != (answer{}) { // it was given up meanwhile
			continue
		}
		f.done()
	}
}

// done notes one answer less to be waited for. The caller holds acks.mu.
func (f *flight) done() {
	if f.left--; f.left == 0 {
		f.timeout.Stop()
		close(f.all)
	}
}

// settle takes an answer, unless it was given up.
func (a *acks) settle(id uint64, got answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.waiting[id]
	if f == nil {
		return
	}
	delete(a.waiting, id)
	<-a.slots
	f.answers[id-f.first] = got
	f.done()
}

// give gives up what a flight waits for: why says what is known of it.
func (f *flight) give(why error) {
	for i := range f.answers {
		f.acks.settle(f.first+uint64(i), answer{err: why})
	}
}

// giveAll gives up all that is waited for.
func (a *acks) giveAll(why error) {
	a.mu.Lock()
	flights := map[*flight]bool{}
	for _, f := range a.waiting {
		flights[f] = true
	}
	a.mu.Unlock()
	for f := range flights {
		f.give(why)
	}
}

// wait returns the answers once all are there, or those that are when ctx ends: the
// others have its error. Those are waited for still, in their slots, by nobody.
func (f *flight) wait(ctx context.Context) []answer {
	select {
	case <-f.all:
		return f.answers
	case <-ctx.Done():
	}
	f.acks.mu.Lock()
	defer f.acks.mu.Unlock()
	got := make([]answer, len(f.answers))
	for i, a := range f.answers {
		if got[i] = a; a == (answer{}) {
			got[i].err = ctx.Err()
		}
	}
	return got
}

// take takes an acknowledgement off the wire.
func (a *acks) take(m *nats.Msg) {
	id, err := strconv.ParseUint(m.Subject[len(a.inbox):], 36, 64)
	if err == nil {
		a.settle(id, a.read(m))
	}
}

// read reads an acknowledgement. Nearly all have the server's shortest form.
func (a *acks) read(m *nats.Msg) answer {
	if rest, found := bytes.CutPrefix(m.Data, a.plain); found {
		if digits, ends := bytes.CutSuffix(rest, []byte("}")); ends {
			if seq, err := strconv.ParseUint(string(digits), 10, 64); err == nil && seq > 0 {
				return answer{seq: events.Seq(seq)}
			}
		}
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == noResponders {
		return answer{err: jetstream.ErrNoStreamResponse}
	}
	var said struct {
		jetstream.PubAck
		Error *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &said); {
	case err != nil || said.Error == nil && said.Sequence == 0:
		return answer{err: jetstream.ErrInvalidJSAck}
	case said.Error != nil:
		return answer{err: said.Error}
	case said.Stream != a.stream:
		return answer{err: unavailable(fmt.Errorf("stream %s has taken a command of %s", said.Stream, a.stream),
			"the command went into another stream; tell the operator")}
	}
	return answer{seq: events.Seq(said.Sequence), duplicate: said.Duplicate}
}

// noResponders is the status with which a server says that no stream takes a subject.
const noResponders = "503"
