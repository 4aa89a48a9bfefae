package emit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Headers of a stored event, beside Content-Type.
const (
	headerWriter  = "Reddot-Writer"     // the emitter that wrote it
	headerApplied = "Reddot-Applied"    // all events of the commands up to this seq are stored with this one
	headerAt      = "Reddot-At"         // the applied seq whose state the event shows
	headerSum     = "Reddot-Sum"        // the sum of the command at that seq: tells a log that was rewritten
	headerBegin   = "Reddot-Generation" // the event stream's sequence at which the generation began
	headerMore    = "Reddot-More"       // further events of the same user belong to this one
)

// Errors of a Stream that an emitter acts on.
var (
	// ErrGone says that the event stream was deleted.
	ErrGone = errors.New("the event stream is gone")
	// ErrTooLarge says that the server takes no message of that size.
	ErrTooLarge = errors.New("the message is too large")
)

// Stream is the event stream as an emitter needs it; Open uses one in
// JetStream. It is called by one goroutine, but what it was given to append
// may be on its way when the next call comes.
type Stream interface {
	// Append sends a message to be stored and does not wait for that. It is
	// stored if the headers Nats-Expected-Last-Sequence and
	// Nats-Expected-Last-Msg-Id, where it has them, name the stream's last
	// message, and once within Duplicates for each Nats-Msg-Id. Messages get
	// there in the order in which they were sent, or not at all. An error says
	// that the message was not sent; ErrTooLarge that it never can be.
	Append(*nats.Msg) (Future, error)
	// Tail returns the sequence of the last message that there ever was, past
	// any cache, and that message, or nil if it has left the stream.
	Tail(context.Context) (last uint64, msg *nats.Msg, err error)
	// Read calls fn with the messages from one sequence to another that are
	// still in the stream, in order, each with its sequence: what a message
	// says of itself anybody may have written.
	Read(ctx context.Context, from, upto uint64, fn func(seq uint64, msg *nats.Msg) error) error
}

// Future tells what became of an appended message: one of the channels gives
// one value. It may be that neither ever does.
type Future interface {
	Ok() <-chan *jetstream.PubAck
	Err() <-chan error // the message was refused, or nobody knows
}

// tail is the end of the event stream.
type tail struct {
	last    uint64 // sequence of the last message there ever was
	there   bool   // that message is still there: it says what follows
	writer  string
	applied events.Seq // as its header says
	at      events.Seq
	begin   uint64
}

func (t tail) String() string {
	return fmt.Sprintf("%d by %s, applied %d", t.last, t.writer, t.applied)
}

// lookTimeout bounds one look at the event stream: a request that a server has
// lost while it ended is asked again soon.
const lookTimeout = time.Second

// readTail reads the end of the event stream.
func readTail(ctx context.Context, stream Stream) (tail, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	last, msg, err := stream.Tail(ctx)
	if err != nil {
		return tail{}, err
	}
	t := tail{last: last}
	if msg != nil {
		t.there = true
		t.writer = msg.Header.Get(headerWriter)
		t.applied = events.Seq(number(msg.Header, headerApplied))
		t.at = events.Seq(number(msg.Header, headerAt))
		t.begin = number(msg.Header, headerBegin)
	}
	return t, nil
}

// number reads a header; 0 if it is not there.
func number(h nats.Header, name string) uint64 {
	n, err := strconv.ParseUint(h.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
