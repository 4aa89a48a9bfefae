package emit

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// tail is the end of the event stream.
type tail struct {
	last   uint64 // sequence of the last message there ever was
	place  uint64 // sequence of the last message of an emitter; behind it are foreign messages only
	writer string // of that message; empty: it has left the stream, or there was none
	ended  bool   // with that message its emitter has ended, and nothing of it is on its way

	there   bool       // the last message that tells something is known; else it has left the stream, or there was none
	told    uint64     // its sequence
	applied events.Seq // as its header says
	at      events.Seq
	begin   uint64
}

// free says that nobody has anything on its way to the stream.
func (t *tail) free() bool { return t.ended || t.last == 0 }

// lookTimeout bounds one look at the event stream: a request that a server has
// lost while it ended is asked again soon.
const lookTimeout = 500 * time.Millisecond

// lookout finds the last messages of emitters in the event stream, behind whatever
// foreign messages there are: the last one, and the last one that tells something,
// as those of a fence don't. It knows what it has seen, so that each message is
// read once. It is for one goroutine.
type lookout struct {
	stream  Stream
	log     string // the identity of the command stream
	foreign *foreign

	sealer *sealer // nil before the first look
	seen   uint64  // everything in the stream is known up to here
	newest found   // of all up to there
	teller found   // the newest that tells something
}

// found is a message of an emitter.
type found struct {
	seq uint64
	msg *nats.Msg // nil: it has left the stream, or there was none
}

// tells says whether a message says up to where all is told: those of a fence
// don't.
func tells(msg *nats.Msg) bool { return msg.Header.Get(headerAt) != "" }

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
		l.enter(0, found{}, found{})
	}
	switch {
	case end.Msg != nil && l.sealer.genuine(end.Last, end.Msg) && tells(end.Msg):
		l.wrote(end.Last, end.Msg)
	case end.Last == l.seen:
	case end.Msg == nil:
		l.enter(end.Last, found{}, found{})
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
		l.enter(0, found{}, found{})
	}
	return nil
}

// enter notes what the stream is known to hold.
func (l *lookout) enter(seen uint64, newest, teller found) {
	l.seen, l.newest, l.teller = seen, newest, teller
}

// wrote notes a message of an emitter that is stored.
func (l *lookout) wrote(seq uint64, msg *nats.Msg) {
	if seq <= l.seen {
		return
	}
	l.seen, l.newest = seq, found{seq, msg}
	if tells(msg) {
		l.teller = l.newest
	}
}

// The last messages are read in pieces that grow, so that little is read that
// need not be, in few requests. Pieces have a bound so that a search that is
// interrupted soon ends.
const (
	searchFirst = 64
	searchMost  = 8_192
)

// search looks for the last messages of emitters between what is known and a
// sequence, from the end on. What has left the stream may have been one: then
// nobody knows the last one.
func (l *lookout) search(ctx context.Context, last uint64) error {
	var unknown strangers
	var newest found
	for upto, size := last, uint64(searchFirst); upto > l.seen; size = min(4*size, searchMost) {
		from := l.seen + 1
		if upto-l.seen > size {
			from = upto - size + 1
		}
		p, err := l.piece(ctx, from, upto, &unknown)
		if err != nil {
			return err
		}
		if newest.msg == nil {
			newest = p.newest
		}
		if p.teller.msg != nil || p.gone {
			l.enter(last, newest, p.teller)
			l.foreign.add(unknown)
			return nil
		}
		upto = from - 1
	}
	if newest.msg == nil {
		newest = l.newest
	}
	l.enter(last, newest, l.teller)
	l.foreign.add(unknown)
	return nil
}

// piece is what a piece of the stream holds of emitters.
type piece struct {
	newest, teller found
	gone           bool // something behind the teller has left the stream
}

func (l *lookout) piece(ctx context.Context, from, upto uint64, unknown *strangers) (p piece, err error) {
	next := from
	err = l.stream.Read(ctx, from, upto, func(seq uint64, msg *nats.Msg) error {
		if seq != next {
			p = piece{gone: true}
		}
		next = seq + 1
		if !l.sealer.genuine(seq, msg) {
			unknown.add(seq, msg.Subject)
			return nil
		}
		p.newest = found{seq, msg}
		if tells(msg) {
			p.teller, p.gone = p.newest, false
		}
		return nil
	})
	if next != upto+1 {
		p = piece{gone: true}
	}
	return p, err
}

// tail is what is known of the end.
func (l *lookout) tail(last uint64) tail {
	t := tail{last: last, place: l.newest.seq}
	if l.newest.msg != nil {
		t.writer = l.newest.msg.Header.Get(headerWriter)
		t.ended = l.newest.msg.Header.Get(headerEnds) != ""
	}
	if l.teller.msg != nil {
		h := l.teller.msg.Header
		t.there, t.told = true, l.teller.seq
		t.applied = events.Seq(number(h, headerApplied))
		t.at = events.Seq(number(h, headerAt))
		t.begin = number(h, headerBegin)
	}
	return t
}
