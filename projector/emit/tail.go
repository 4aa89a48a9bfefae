package emit

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// tail is the end of the event stream.
type tail struct {
	last  uint64 // sequence of the last message there ever was
	place uint64 // sequence of the last event; behind it are foreign messages only
	there bool   // it is known what that event said; else it has left the stream, or there was none

	id      string // the last event's seal
	writer  string
	applied events.Seq // as its header says
	at      events.Seq
	begin   uint64
}

// lookTimeout bounds one look at the event stream: a request that a server has
// lost while it ended is asked again soon.
const lookTimeout = time.Second

// lookout finds the last event of the event stream, behind whatever foreign
// messages there are. It knows what it has seen, so that each of them is read
// once. It is for one goroutine.
type lookout struct {
	stream  Stream
	log     string // the identity of the command stream
	foreign *foreign

	sealer *sealer   // nil before the first look
	seen   uint64    // everything in the stream is known up to here
	place  uint64    // of the last event up to there
	event  *nats.Msg // nil: it has left the stream, or there was none
}

// look reads the end of the event stream.
func (l *lookout) look(ctx context.Context) (tail, error) {
	looking, cancel := context.WithTimeout(ctx, lookTimeout)
	end, err := l.stream.Tail(looking)
	cancel()
	if err == nil {
		err = l.use(end.Key)
	}
	if err != nil {
		return tail{}, err
	}
	if end.Last < l.seen { // an older stream was put in its place
		l.enter(0, 0, nil)
	}
	switch {
	case end.Msg != nil && l.sealer.genuine(end.Last, end.Msg):
		l.enter(end.Last, end.Last, end.Msg)
	case end.Last == l.seen:
	case end.Msg == nil:
		l.enter(end.Last, 0, nil)
	default:
		if err := l.search(ctx, end.Last); err != nil {
			return tail{}, fmt.Errorf("look for the last event: %w", err)
		}
	}
	return l.tail(end.Last), nil
}

// use takes a key. Another one than before makes all that was seen worth
// another look.
func (l *lookout) use(key Key) error {
	switch {
	case key == Key{} && l.sealer == nil:
		return fmt.Errorf("%w: there is none in the stream's metadata: start again to make one", ErrKey)
	case key != Key{} && (l.sealer == nil || l.sealer.key != key):
		l.sealer = newSealer(key, l.log)
		l.enter(0, 0, nil)
	}
	return nil
}

// enter notes what the stream is known to hold.
func (l *lookout) enter(seen, place uint64, event *nats.Msg) {
	l.seen, l.place, l.event = seen, place, event
}

// wrote notes an event that is stored.
func (l *lookout) wrote(seq uint64, msg *nats.Msg) {
	if seq > l.seen {
		l.enter(seq, seq, msg)
	}
}

// The last messages are read in pieces that grow, so that little is read that
// need not be, in few requests. Pieces have a bound so that a search that is
// interrupted soon ends.
const (
	searchFirst = 64
	searchMost  = 8_192
)

// search looks for the last event between what is known and a sequence, from the
// end on. A message that has left the stream may have been an event: then nobody
// knows the last one.
func (l *lookout) search(ctx context.Context, last uint64) error {
	var found strangers
	for upto, size := last, uint64(searchFirst); upto > l.seen; size = min(4*size, searchMost) {
		from := l.seen + 1
		if upto-l.seen > size {
			from = upto - size + 1
		}
		next, place, event, gone := from, uint64(0), (*nats.Msg)(nil), false
		err := l.stream.Read(ctx, from, upto, func(seq uint64, msg *nats.Msg) error {
			if seq != next {
				event, gone = nil, true
			}
			next = seq + 1
			if l.sealer.genuine(seq, msg) {
				place, event, gone = seq, msg, false
			} else {
				found.add(seq, msg.Subject)
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case gone || next != upto+1:
			place, event = 0, nil
			fallthrough
		case event != nil:
			l.enter(last, place, event)
			l.foreign.add(found)
			return nil
		}
		upto = from - 1
	}
	l.enter(last, l.place, l.event)
	l.foreign.add(found)
	return nil
}

// tail is what is known of the end.
func (l *lookout) tail(last uint64) tail {
	t := tail{last: last, place: l.place}
	if l.event != nil {
		h := l.event.Header
		t.there = true
		t.id = h.Get(jetstream.MsgIDHeader)
		t.writer = h.Get(headerWriter)
		t.applied = events.Seq(number(h, headerApplied))
		t.at = events.Seq(number(h, headerAt))
		t.begin = number(h, headerBegin)
	}
	return t
}
