package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Times of a lease. Who holds it stops before another one can have it: what is measured
// is how long a clock has run, never what it says.
const (
	leaseRenew = 2 * time.Second // how often it is renewed, and looked at by the others
	leaseHolds = 6 * time.Second // how long without that who has it works on
	leaseTTL   = 9 * time.Second // how long without that the others wait
)

// lease says which of several reddots delivers: one message of a stream, which whoever has
// it writes again and again, each time if nobody else has meanwhile.
type lease struct {
	js       jetstream.JetStream
	stream   jetstream.Stream
	subject  string
	instance string // one that ran in the same data folder before has ended
	log      *slog.Logger

	session string
	seq     uint64    // of the message that is ours
	renewed time.Time // when it was sent
}

// holder is what the message says.
type holder struct {
	Instance string `json:"instance"`
	Session  string `json:"session"`
	Released bool   `json:"released,omitempty"`
}

// run calls fn while this reddot has the lease, until ctx ends.
func (l *lease) run(ctx context.Context, fn func(context.Context)) {
	l.session = nuid.Next()
	for l.acquire(ctx) {
		l.log.Info("this reddot delivers the webhooks")
		holding, lose := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			fn(holding)
		}()
		l.hold(ctx)
		lose()
		<-ended
		if ctx.Err() != nil {
			l.release(context.WithoutCancel(ctx))
		} else {
			l.log.Warn("another reddot delivers the webhooks, or the NATS server does not answer")
		}
	}
}

// acquire waits for the lease; false: ctx has ended.
func (l *lease) acquire(ctx context.Context) bool {
	var seen uint64
	since := time.Now()
	for ; ctx.Err() == nil; wait(ctx, leaseRenew/4) {
		msg, err := l.stream.GetLastMsgForSubject(ctx, l.subject)
		var h holder
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			l.seq = 0
		case err != nil:
			since = time.Now() // who has it may not have been able to, either
			continue
		default:
			if msg.Sequence != seen {
				seen, since = msg.Sequence, time.Now()
			}
			mine := json.Unmarshal(msg.Data, &h) != nil || h.Released || h.Instance == l.instance
			if !mine && time.Since(since) < leaseTTL {
				continue
			}
			l.seq = msg.Sequence
		}
		if l.write(ctx, false) == nil {
			return true
		}
	}
	return false
}

// hold renews the lease until it is lost, or ctx ends.
func (l *lease) hold(ctx context.Context) {
	for {
		wait(ctx, leaseRenew)
		if ctx.Err() != nil {
			return
		}
		err := l.write(ctx, false)
		if err != nil && (lost(err) || time.Since(l.renewed) > leaseHolds-leaseRenew) {
			return
		}
	}
}

// release gives the lease up, so that another one need not wait.
func (l *lease) release(ctx context.Context) {
	if l.seq > 0 {
		l.write(ctx, true) // without it the others wait a little longer
	}
}

// write writes the message, if nobody else has.
func (l *lease) write(ctx context.Context, released bool) error {
	data, err := json.Marshal(holder{l.instance, l.session, released})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, leaseRenew)
	defer cancel()
	began := time.Now()
	ack, err := l.js.Publish(ctx, l.subject, data, jetstream.WithExpectLastSequencePerSubject(l.seq), jetstream.WithRetryAttempts(0))
	if err != nil {
		return err
	}
	l.seq, l.renewed = ack.Sequence, began
	return nil
}

// lost reports whether another one has written. A publish of ours whose answer was lost
// looks the same; then it is ours again at once.
func lost(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
