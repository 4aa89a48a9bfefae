package journal

import (
	"context"
	"errors"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Headers of a stored event, beside those that listeners need too. Its id,
// Nats-Msg-Id, is its seal.
const (
	HeaderWriter  = "Reddot-Writer"      // the writer that wrote it
	HeaderApplied = events.HeaderEmitted // all events of the commands up to this seq are stored with this one
	HeaderAt      = "Reddot-At"          // the applied seq whose state events may have shown up to here
	HeaderShows   = "Reddot-Shows"       // the applied seq whose state this event shows, if it is not that
	HeaderSum     = "Reddot-Sum"         // the sum of the command at Reddot-At: distinguishes a log that was rewritten
	HeaderBegin   = "Reddot-Generation"  // the event stream's sequence from which on lies what was emitted of later commands than Reddot-Applied
	HeaderPart    = "Reddot-Part"        // its number among those, from 1; not there if it is the only one
	HeaderEnds    = "Reddot-Ends"        // its writer has written all it had, and writes no more
)

// Errors of a Stream that a writer acts on.
var (
	// ErrGone says that the event stream was deleted.
	ErrGone = errors.New("the event stream is gone")
	// ErrTooLarge says that the server takes no message of that size.
	ErrTooLarge = errors.New("the message is too large")
)

// Stream is the event stream as a Journal needs it; Open returns one in
// JetStream. It is called by one goroutine, but what it was given to append
// may be on its way when the next call comes.
type Stream interface {
	// Append sends a message to be stored and does not wait for that. It is
	// stored if the header Nats-Expected-Last-Sequence names the stream's last
	// message, and once within Duplicates for each Nats-Msg-Id. It may get there
	// late, and others that were sent later before it. An error says that the
	// message was not sent; ErrTooLarge that it never can be.
	Append(*nats.Msg) (Future, error)
	// Tail returns the end of the stream, past any cache.
	Tail(context.Context) (End, error)
	// Read calls fn with the messages from one sequence to another that are
	// still in the stream, in order, each with its sequence: what a message
	// says of itself anybody may have written.
	Read(ctx context.Context, from, upto uint64, fn func(seq uint64, msg *nats.Msg) error) error
}

// End is the end of a Stream.
type End struct {
	Last uint64    // sequence of the last message that there ever was
	Msg  *nats.Msg // that message; nil if it has left the stream
	Key  Key       // of the events; zero if the stream has none any more
}

// Future says what became of an appended message: one of the channels gives
// one value. It may be that neither ever does.
type Future interface {
	Ok() <-chan *jetstream.PubAck
	Err() <-chan error // the message was refused, or nobody knows
}

// Number reads a header; 0 if it is not there.
func Number(h nats.Header, name string) uint64 {
	n, err := strconv.ParseUint(h.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
