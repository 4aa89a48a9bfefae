package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
)

// Tail is the end of the event stream.
type Tail struct {
	Last   uint64 // sequence of the last message there ever was
	Place  uint64 // sequence of the last message of a writer; behind it are foreign messages only
	Writer string // of that message; empty: it has left the stream, or there was none
	Ended  bool   // with that message its writer has ended, and nothing of it is on its way
	Said   Said
}

// Said is what the last message says that has a position, as those of a fence don't.
// It is zero if that message has left the stream, or there was none.
type Said struct {
	Place   uint64     // its sequence
	Applied events.Seq // as its headers say: see HeaderApplied, HeaderAt and HeaderBegin
	At      events.Seq
	Begin   uint64
}

// Known reports whether that message is there.
func (s Said) Known() bool { return s.Place > 0 }

// Free reports whether nobody has anything on its way to the stream.
func (t *Tail) Free() bool { return t.Ended || t.Last == 0 }

// LookTimeout bounds one look at the event stream: a request that a server has
// lost while it ended is asked again soon.
const LookTimeout = 500 * time.Millisecond

// lookout finds the last messages of writers in the event stream, behind whatever
// foreign messages there are: the last one, and the last one that has a position,
// as those of a fence don't. It knows what it has seen, so that each message is
// read once. It is for one goroutine.
type lookout struct {
	stream  Stream
	log     string // the identity of the command stream
	foreign *foreign

	sealer *sealer // nil before the first look
	seen   uint64  // everything in the stream is known up to here
	read   uint64  // of the messages behind it up to seen, those that are not the writer's may not have been looked at
	newest found   // of all up to there
	said   found   // the newest that has a position
}

// found is a message of a writer.
type found struct {
	seq uint64
	msg *nats.Msg // nil: it has left the stream, or there was none
}

// says reports whether a message says up to where all is emitted: those of a fence
// don't.
func says(msg *nats.Msg) bool { return msg.Header.Get(HeaderAt) != "" }

// look reads the end of the event stream.
func (l *lookout) look(ctx context.Context) (Tail, error) {
	looking, cancel := context.WithTimeout(ctx, LookTimeout)
	end, err := l.stream.Tail(looking)
	cancel()
	if err == nil {
		err = l.use(end.Key)
	}
	if err != nil {
		return Tail{}, err
	}
	if end.Last < l.seen { // an older stream was put in its place
		l.enter(0, found{}, found{})
	}
	l.read = l.seen
	switch {
	case end.Msg != nil && l.sealer.genuine(end.Last, end.Msg) && says(end.Msg):
		l.wrote(end.Last, end.Msg)
	case end.Last == l.seen:
	case end.Msg == nil:
		l.enter(end.Last, found{}, found{})
	default:
		if err := l.search(ctx, end.Last); err != nil {
			return Tail{}, fmt.Errorf("look for the last event: %w", err)
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
func (l *lookout) enter(seen uint64, newest, said found) {
	l.seen, l.read, l.newest, l.said = seen, seen, newest, said
}

// wrote notes a message of a writer that is stored.
func (l *lookout) wrote(seq uint64, msg *nats.Msg) {
	if seq <= l.seen {
		return
	}
	l.seen, l.newest = seq, found{seq, msg}
	if says(msg) {
		l.said = l.newest
	}
}

// The last messages are read in pieces that grow, so that little is read that
// need not be, in few requests. Pieces have a bound so that a search that is
// interrupted soon ends.
const (
	searchFirst = 64
	searchMost  = 8_192
)

// search looks for the last messages of writers between what is known and a
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
		if p.said.msg != nil || p.gone {
			l.enter(last, newest, p.said)
			l.foreign.add(unknown)
			return nil
		}
		upto = from - 1
	}
	if newest.msg == nil {
		newest = l.newest
	}
	l.enter(last, newest, l.said)
	l.foreign.add(unknown)
	return nil
}

// piece is what a piece of the stream holds of writers.
type piece struct {
	newest, said found
	gone         bool // something behind said has left the stream
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
		if says(msg) {
			p.said, p.gone = p.newest, false
		}
		return nil
	})
	if next != upto+1 {
		p = piece{gone: true}
	}
	return p, err
}

// tail is what is known of the end.
func (l *lookout) tail(last uint64) Tail {
	t := Tail{Last: last, Place: l.newest.seq}
	if l.newest.msg != nil {
		t.Writer = l.newest.msg.Header.Get(HeaderWriter)
		t.Ended = l.newest.msg.Header.Get(HeaderEnds) != ""
	}
	if l.said.msg != nil {
		h := l.said.msg.Header
		t.Said = Said{
			Place: l.said.seq, Applied: events.Seq(Number(h, HeaderApplied)), At: events.Seq(Number(h, HeaderAt)), Begin: Number(h, HeaderBegin),
		}
	}
	return t
}
