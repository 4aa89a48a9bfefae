package log

import (
	"context"
	"errors"
	"fmt"
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
// on. A server skips a command that it can't read, and reports that to nobody. Where
// others come behind it that is a gap; behind the last one nothing comes.
func (l *Log) watchIntake(ctx context.Context, in *intake, stuck *Complaint) {
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
			switch missing, err := l.withheld(ctx, at+1); {
			case in.last() != at || ctx.Err() != nil:
			case missing != nil:
				in.fail(missing)
				return
			case err != nil:
				stuck.Is(fmt.Errorf("seq %d, if there is one: %w", at+1, err), time.Now())
			default:
				stuck.Over(time.Now())
			}
		}
		seen = at
	}
}

// withheld says what is wrong when a command does not come: an errGap if the
// stream says that it has it, and has not. missing is nil if it has none, err
// says why it can't be asked.
func (l *Log) withheld(ctx context.Context, seq events.Seq) (missing, err error) {
	first, last, err := l.Range(ctx)
	if err != nil || seq < first || seq > last {
		return nil, err
	}
	_, err = l.stream.GetMsg(ctx, uint64(seq))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return errGap{want: seq}, nil
	case err != nil:
		return nil, err
	}
	return errStalled, nil
}
