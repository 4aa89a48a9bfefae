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
		if at == seen && l.unreadable(ctx, at+1) && in.last() == at {
			in.fail(errGap{want: at + 1})
			return
		}
		seen = at
	}
}

// unreadable reports whether the stream says that it has a command, and that
// it has not. False if it can't be asked.
func (l *Log) unreadable(ctx context.Context, seq events.Seq) bool {
	first, last, err := l.Range(ctx)
	if err != nil || seq < first || seq > last {
		return false
	}
	_, err = l.stream.GetMsg(ctx, uint64(seq))
	return errors.Is(err, jetstream.ErrMsgNotFound)
}
