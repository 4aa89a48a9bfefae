package projector

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// stallAfter is how long nothing may come from the stream before it is asked
// whether there is something.
const stallAfter = 2 * time.Second

// errStalled ends an intake to which the stream does not send what it has and
// can read: its consumer has passed over it.
var errStalled = errors.New("the stream does not send what it has")

// watchIntake ends an intake to which nothing comes although the stream goes
// on. A server skips a command that it can't read, and tells nobody. Where
// others come behind it that is a gap; behind the last one nothing comes.
func (l *Log) watchIntake(ctx context.Context, in *intake) {
	tick := time.NewTicker(stallAfter)
	defer tick.Stop()
	for seen := in.last(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at := in.last()
		if at == seen && !in.full() {
			if why := l.withheld(ctx, at+1); why != nil && in.last() == at {
				in.fail(why)
				return
			}
		}
		seen = at
	}
}

// withheld says what is wrong when a command does not come: an errGap if the
// stream says that it has it, and has not. nil if it has none, or can't be
// asked.
func (l *Log) withheld(ctx context.Context, seq events.Seq) error {
	first, last, err := l.Range(ctx)
	if err != nil || seq < first || seq > last {
		return nil
	}
	_, err = l.stream.GetMsg(ctx, uint64(seq))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return errGap{want: seq}
	case err != nil:
		return nil
	}
	return errStalled
}
