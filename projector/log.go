package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/pull"
	"reddot/projector/store"
)

// Log is the command stream as a projection reads it: whole and in order, or
// not at all. Safe for concurrent use.
type Log struct {
	stream   Stream
	subjects events.Subjects
	identity store.Identity
	created  time.Time // the stream: another one has another time
	logger   *slog.Logger
}

// FindLog opens the command stream, which must be there and configured as a
// log must be.
func FindLog(ctx context.Context, js jetstream.JetStream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	stream, err := js.Stream(ctx, s.CommandStream())
	if err != nil {
		return nil, openError(js, s, err)
	}
	return NewLog(inJetStream{stream, pull.New(js, s.CommandStream())}, s, logger)
}

// openError says why the stream can't be opened.
func openError(js jetstream.JetStream, s events.Subjects, err error) error {
	return fmt.Errorf("open stream %s: %w", s.CommandStream(), explain(js, s, err))
}

// ensureLog is FindLog, but creates the stream if it is not there, and no store
// in dir was made of it.
func ensureLog(ctx context.Context, js jetstream.JetStream, s events.Subjects, dir string, logger *slog.Logger) (*Log, error) {
	log, err := FindLog(ctx, js, s, logger)
	if err == nil {
		return log, log.recognise(ctx, dir)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	info, err := inspectCurrent(dir)
	if err != nil {
		return nil, err
	}
	if info.Identity.Stream == s.CommandStream() {
		return nil, fmt.Errorf("%w: stream %s, of which the store in %s was made, is gone; restore it, or start with an empty data folder",
			ErrLog, s.CommandStream(), dir)
	}
	stream, err := js.CreateStream(ctx, commandStream(s))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another reddot was faster
		return FindLog(ctx, js, s, logger)
	}
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", s.CommandStream(), err)
	}
	return NewLog(inJetStream{stream, pull.New(js, s.CommandStream())}, s, logger)
}

// inspectCurrent inspects the current store of a folder; zero if there is none
// that can be read.
func inspectCurrent(dir string) (store.Info, error) {
	folder, err := store.OpenFolder(nil, dir)
	if err != nil {
		return store.Info{}, err
	}
	path, ok := folder.Current()
	if !ok {
		return store.Info{}, nil
	}
	info, err := store.Inspect(nil, path)
	if err != nil {
		return store.Info{}, nil // whoever opens it sees to that
	}
	return info, nil
}

// NewLog is FindLog for a stream that is there.
func NewLog(stream Stream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	info := stream.CachedInfo()
	return &Log{
		stream: stream, subjects: s, logger: logger,
		identity: identityOf(info), created: info.Created,
	}, checkStream(s, info.Config)
}

// Identity tells this log from any other, also from one of the same name.
func (l *Log) Identity() store.Identity { return l.identity }

// Range asks for the seqs of the first and the last command. A log from which
// everything was trimmed, or which is still empty, has first = last+1.
func (l *Log) Range(ctx context.Context) (first, last events.Seq, err error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the range of %s: %w", l.identity.Stream, err)
	}
	first, last = bounds(info.State)
	return first, last, nil
}

func bounds(state jetstream.StreamState) (first, last events.Seq) {
	last = events.Seq(state.LastSeq)
	if state.Msgs == 0 {
		return last + 1, last
	}
	return events.Seq(state.FirstSeq), last
}

// TimeOf is when the stream took a command in; zero for seq 0, and for one that
// was trimmed.
func (l *Log) TimeOf(ctx context.Context, seq events.Seq) (time.Time, error) {
	if seq == 0 {
		return time.Time{}, nil
	}
	msg, err := l.stream.GetMsg(ctx, uint64(seq))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read command %d: %w", seq, err)
	}
	return msg.Time, nil
}

// Trim removes the commands up to a seq from the stream, for ever.
func (l *Log) Trim(ctx context.Context, upto events.Seq) error {
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSequence(uint64(upto)+1)); err != nil {
		return fmt.Errorf("trim %s up to seq %d: %w", l.identity.Stream, upto, err)
	}
	return nil
}

// Before is the seq of the last command that the stream took in before a time.
func (l *Log) Before(ctx context.Context, at time.Time) (events.Seq, error) {
	first, last, err := l.Range(ctx)
	if err != nil || first > last {
		return last, err
	}
	newest, err := l.TimeOf(ctx, last)
	if err != nil || newest.Before(at) {
		return last, err
	}
	ctx, cancel := context.WithTimeout(ctx, beforeWait)
	defer cancel()
	var found events.Seq
	err = l.stream.Read(ctx, pull.Options{Since: at, HeadersOnly: true, Batch: 1}, func(m *pull.Message) error {
		found = events.Seq(m.Seq)
		return pull.ErrEnough
	})
	if err != nil {
		return 0, fmt.Errorf("find the command at %s: %w", at, err)
	}
	return found - 1, nil
}

// beforeWait is how long the first command at or after a time is waited for,
// which is there.
const beforeWait = 5 * time.Second

// check says what is wrong with the stream for a store at a position: it is
// gone or another one, its configuration has drifted, it ends before the
// position or begins after it, or holds another command there. A server that
// can't be asked is no error: whoever reads waits for it.
func (l *Log) check(ctx context.Context, at store.Position) error {
	info, err := l.stream.Info(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: stream %s is gone", ErrLog, l.identity.Stream)
	case err != nil:
		return nil
	}
	if !info.Created.Equal(l.created) {
		return fmt.Errorf("%w: stream %s was deleted and made again", ErrLog, l.identity.Stream)
	}
	first, last := bounds(info.State)
	if err := errors.Join(checkStream(l.subjects, info.Config), checkRange(at.Applied, first, last)); err != nil {
		return err
	}
	return l.checkLast(ctx, at)
}

// checkLast compares the command at a store's position with the one that it
// applied: a log that was restored from a backup and then written further may
// have the same seqs and other commands.
func (l *Log) checkLast(ctx context.Context, at store.Position) error {
	if other, _, err := l.replaced(ctx, at.Applied, at.Last); err != nil || !other {
		return nil // or the server is away
	}
	return &CutError{Last: at.Applied, Made: at.Applied, By: "the store"}
}

// headerLost marks a command that changes nothing and stands where AcceptCut
// found one lost. It says whether events may tell of other commands at such seqs.
const (
	headerLost = "Reddot-Lost"
	lostUntold = "1"
	lostTold   = "told"
)

// replaced reports whether another command is at a seq than that with a sum, and
// what its headerLost says. Not if that is not known: the sum is 0, or the command
// was trimmed.
func (l *Log) replaced(ctx context.Context, seq events.Seq, sum uint64) (other bool, lost string, err error) {
	if seq == 0 || sum == 0 {
		return false, "", nil
	}
	msg, err := l.stream.GetMsg(ctx, uint64(seq))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("read command %d: %w", seq, err)
	}
	other = store.Sum(msg.Subject, events.Time(msg.Time.UnixMilli()), msg.Data) != sum
	return other, l.lostMark(msg), nil
}

// lostMark is what the headerLost of a command says; empty for one that AcceptCut
// can't have published.
func (l *Log) lostMark(msg *jetstream.RawStreamMsg) string {
	if msg.Subject != l.subjects.Command(events.Target{Verb: events.PolicySet}) {
		return ""
	}
	return msg.Header.Get(headerLost)
}

// errGap says that the stream went on with another seq than the next one, or
// with none (0).
type errGap struct{ want, got events.Seq }

func (e errGap) Error() string {
	switch {
	case e.got == 0:
		return fmt.Sprintf("seq %d is in the stream, and can't be read", e.want)
	case e.got < e.want:
		return fmt.Sprintf("seq %d came again where seq %d was due", e.got, e.want)
	}
	return fmt.Sprintf("seq %d came where seq %d was due", e.got, e.want)
}

// maxReads is how often the stream is read anew from a place where a command
// is missing, before the reader gives up.
const maxReads = 3

// Read calls fn with the commands after a seq, in batches, in order and
// without a gap, until ctx ends or fn returns an error; it returns that. A
// batch is fn's until it returns. Where a command is missing, the stream is
// read anew, maybe from another replica; if it stays missing: an ErrLog.
func (l *Log) Read(ctx context.Context, after events.Seq, fn func([]store.Entry) error) error {
	reads, at := 0, events.Seq(0)
	for {
		err := l.readOn(ctx, &after, fn)
		if errors.Is(err, errStalled) {
			l.logger.Warn("reading the command stream anew", "reason", err, "want", after+1)
			continue
		}
		var gap errGap
		if !errors.As(err, &gap) {
			return err
		}
		if reads++; gap.want != at {
			reads, at = 1, gap.want
		}
		if reads == maxReads {
			return fmt.Errorf("%w: %w, %d times: it is missing or damaged; restore the stream, or a replica of it", ErrLog, gap, reads)
		}
		l.logger.Error("the command stream has a hole: reading it anew", "want", gap.want, "got", gap.got)
	}
}

// readOn reads the stream once, and moves after along.
func (l *Log) readOn(ctx context.Context, after *events.Seq, fn func([]store.Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	in := newIntake(l.subjects, *after)
	var reading sync.WaitGroup
	defer func() {
		cancel()
		in.close() // the reader may be waiting for room
		reading.Wait()
	}()
	defer context.AfterFunc(ctx, in.close)()
	from := uint64(*after) + 1
	reading.Go(func() {
		err := l.stream.Read(ctx, pull.Options{From: from, Lost: l.lost}, in.put)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = fmt.Errorf("%w: stream %s is gone", ErrLog, l.identity.Stream)
		}
		in.fail(err)
	})
	reading.Go(func() { l.watchIntake(ctx, in) })
	for {
		batch := in.take()
		if batch == nil {
			return cmp.Or(in.why(), ctx.Err())
		}
		n := 0
		for n < len(batch) && batch[n].Seq == *after+1 {
			n++
			*after++
		}
		if n > 0 {
			if err := fn(batch[:n]); err != nil {
				return err
			}
		}
		if n < len(batch) {
			return errGap{want: *after + 1, got: batch[n].Seq}
		}
	}
}

// askAgain is how long a server that can't be asked is let alone.
const askAgain = 500 * time.Millisecond

// patiently asks the server until it answers or ctx ends: a server that is away
// comes back. A stream that is gone does not.
func patiently[V any](ctx context.Context, l *Log, ask func() (V, error)) (V, error) {
	for {
		v, err := ask()
		switch {
		case err == nil:
			return v, nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return v, fmt.Errorf("%w: stream %s is gone", ErrLog, l.identity.Stream)
		case ctx.Err() != nil:
			return v, ctx.Err()
		}
		l.logger.Warn("waiting for the NATS server", "error", err)
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// lost tells why the stream is read anew.
func (l *Log) lost(err error) { l.logger.Warn("reading the command stream", "error", err) }

// errEnough ends a reading that has come to its end.
var errEnough = errors.New("enough")

// ReadTo calls fn with the commands after a seq up to another, in order and
// without a gap. The log must hold them.
func (l *Log) ReadTo(ctx context.Context, after, upto events.Seq, fn func(*store.Entry) error) error {
	if after >= upto {
		return nil
	}
	err := l.Read(ctx, after, func(batch []store.Entry) error {
		for i := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(&batch[i]); err != nil {
				return err
			}
			if batch[i].Seq == upto {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
