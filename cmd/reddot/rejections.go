package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/log/pull"
)

const (
	// defaultRejections is how many stored refusals are listed if nothing is said.
	defaultRejections = 10
	// maxRejections bounds those that are held until the end of what is stored is
	// reached, some 400 bytes each.
	maxRejections = 100_000
)

// rejectionsConfig says which stored refusals are listed before those to come.
type rejectionsConfig struct {
	on    bool
	since string // a duration or a time; empty: all that are stored
	last  int    // of them; 0: all
}

// validate reports a usageError.
func (cfg *rejectionsConfig) validate(now time.Time, zone *time.Location) error {
	if cfg.last < 0 || cfg.last > maxRejections {
		return usagef("--last %d: use 0 for all, or 1 to %d", cfg.last, maxRejections)
	}
	_, err := cfg.from(now, zone)
	return err
}

// from is the time from which on they are listed; zero for all.
func (cfg *rejectionsConfig) from(now time.Time, zone *time.Location) (time.Time, error) {
	if cfg.since == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(cfg.since); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if at, ok := parseTime(cfg.since, zone); ok {
		return at, nil
	}
	return time.Time{}, usagef("--since %q: use a time with its unit, as 10m or 1h, or one as in 2026-11-23T18:00:00Z", cfg.since)
}

// rejections prints refusals: the stored ones that were asked for, and then
// every one that comes.
type rejections struct {
	*watcher
	last    int
	genuine func(seq uint64, msg *nats.Msg) bool

	stored []events.Rejected // read, and not printed before it is known which are the last
	live   bool              // the end of what was stored is reached
}

// watchRejected prints refusals until ctx ends.
func (a *app) watchRejected(ctx context.Context, cfg *watchConfig, fail func(error)) error {
	from, err := cfg.rejected.from(time.Now(), a.zone)
	if err != nil {
		return err
	}
	conn, err := cfg.nats.DialLasting("reddot watch", fail)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	subjects, err := events.NewSubjects(cfg.prefix)
	if err != nil {
		return err
	}
	r := &rejections{watcher: a.watcher(cfg, fail), last: cfg.rejected.last}
	if r.genuine, err = journal.Genuine(ctx, js, subjects); err == nil {
		err = pull.New(js, subjects.EventStream()).Read(ctx, pull.Options{
			From: 1, Since: from, Subject: subjects.StoredRejected(), Lost: func(err error) { r.lost(err, fail) },
		}, r.take)
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf(`there is no stream %s at %s: start "reddot serve" once, or name the server with --server, the prefix with --prefix`,
			subjects.EventStream(), natsconn.Redacted(cfg.nats.URLs()))
	case ctx.Err() == nil:
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// lost reports that the server is waited for, or ends the watch if that is in
// vain.
func (r *rejections) lost(err error, fail func(error)) {
	if _, denied := errors.AsType[*pull.PermissionError](err); denied {
		fail(err)
		return
	}
	r.mistake(err)
}

// take takes one refusal.
func (r *rejections) take(m *pull.Message) error {
	r.mistaken = ""
	var rejected events.Rejected
	// Others may have stored something, too.
	if msg := (&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); r.genuine(m.Seq, msg) {
		if err := events.Unmarshal(msg.Header.Get(events.HeaderContentType), m.Data, &rejected); err == nil {
			r.stored = append(r.stored, rejected)
		}
	}
	if !r.live && r.last > 0 && len(r.stored) > r.last {
		r.stored = r.stored[1:]
	}
	if r.live = r.live || m.Pending == 0; r.live || r.last == 0 {
		for i := range r.stored {
			r.refused(&r.stored[i])
		}
		r.stored = r.stored[:0]
	}
	return nil
}

// refused prints a refusal.
func (w *watcher) refused(r *events.Rejected) {
	if w.json {
		w.print(watchLine{Type: "rejected", Rejected: r})
		return
	}
	w.write(term.Clock(r.At, w.zone) + "  seq " + strconv.FormatUint(uint64(r.Seq), 10) + ", " +
		term.Printable(r.Subject) + ": " + advised(r.Subject, r.Reason) + "\n")
}
