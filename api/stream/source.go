package stream

import (
	"context"
	"time"

	"reddot/events"
)

// Source is what streams are told from.
type Source interface {
	// Epoch names the log; empty: it is not known yet.
	Epoch() string

	// Await waits until a command is applied, as one of the user's waiting requests.
	// Errors are *events.Fault: not_applied if it is not in time.
	Await(ctx context.Context, user string, seq events.Seq, timeout time.Duration) error

	// Last is the log's end, as the server that has it says: an error if it is not to be asked.
	// It is asked only where a cursor lies beyond what is applied.
	Last(ctx context.Context) (events.Seq, error)

	// Resume answers a ResumeRequest, and says as of which seq. It shows all that any
	// reddot has emitted before it is asked.
	Resume(ctx context.Context, user string, r events.ResumeRequest) (events.ResumeReply, events.Seq, error)

	// Watch makes user a watcher of large groups, whichever reddot emits.
	Watch(user string)
}

// Request is what a client asks for.
type Request struct {
	User     string
	Key      string // of who asks, its name; empty: the user
	Cursor   string // empty: none
	Receipts bool   // are wanted
	Watch    bool   // large groups are watched
	Totals   bool   // changes of totals are wanted and nothing else

	After   events.Seq    // a command that is to be applied first; 0: none
	Timeout time.Duration // how long that may take
	Wait    time.Duration // of a poll, for the first event
	Expires time.Time     // of the token; zero: never
}
