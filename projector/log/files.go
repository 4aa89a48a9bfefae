package log

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/log/pull"
)

// Files calls fn with commands from a seq on as the files of a NATS server in this process
// have them: with the seq, the time in nanoseconds, the subject, and the payload until fn
// returns. They come in order and without a gap, as far as it can: nil where it has no
// more, as the newest ones are being written. An fn that returns an error ends it.
//
// A consumer costs more than a file, as the server, a connection and the client handle each
// command, which tells when much has to be folded. But it is the server who knows what a
// stream holds. So files are read only of what is far from its end, and only of a stream
// whose files have nothing but what it holds; where they can't be read, and near the end,
// there is the consumer.
type Files func(ctx context.Context, from uint64, fn func(seq uint64, at int64, subject string, payload []byte) error) error

// far is how many commands a reading may be behind before it turns to the files, and how
// many it then has from a consumer before it does so again.
const far = 100_000

// errFar ends a consumer's reading that is far behind.
var errFar = errors.New("the reading is far behind")

// messages calls fn with messages from a seq on, by files and consumers in turn.
func (l *Log) messages(ctx context.Context, from uint64, r Report, fn func(*pull.Message) error) error {
	next, soonest := from, from
	take := func(m *pull.Message) error {
		if err := fn(m); err != nil {
			return err
		}
		next = m.Seq + 1
		return nil
	}
	consume := func(m *pull.Message) error {
		if l.files != nil && m.Pending >= l.far && m.Seq >= soonest {
			return errFar
		}
		return take(m)
	}
	for {
		if l.files != nil {
			if err := l.fromFiles(ctx, &next, r, take); err != nil {
				return err
			}
			soonest = next + l.far
		}
		err := l.stream.Read(ctx, pull.Options{
			From: next, Lost: func(err error) { r.Lost.Is(err, time.Now()) }, Heard: r.hear, Began: r.Began, Ended: r.Ended,
		}, consume)
		if !errors.Is(err, errFar) {
			return err
		}
	}
}

// fromFiles reads files as long as the reading is far behind and they have something.
// take moves next along.
func (l *Log) fromFiles(ctx context.Context, next *uint64, r Report, take func(*pull.Message) error) error {
	for l.apart(ctx, *next) {
		before, m, over := *next, pull.Message{}, error(nil) // over: what take has returned
		err := l.files(ctx, before, func(seq uint64, at int64, subject string, payload []byte) error {
			if seq%hearEvery == 0 {
				r.hear()
			}
			m = pull.Message{Seq: seq, At: at, Subject: subject, Data: payload}
			over = take(&m)
			return over
		})
		switch {
		case over != nil:
			return over
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			l.logger.Warn("commands are read by a consumer, not from the NATS server's files", "seq", *next, "reason", err)
			return nil
		case *next == before:
			return nil
		}
	}
	return nil
}

// hearEvery is after how many commands from files it is noted that the log is heard.
const hearEvery = 1024

// apart reports whether commands from a seq on are far from the end of the stream, and its
// files have them as the stream holds them.
func (l *Log) apart(ctx context.Context, next uint64) bool {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return false
	}
	s := info.State
	return info.Config.Compression == jetstream.NoCompression && s.NumDeleted == 0 &&
		s.FirstSeq <= next && next+l.far <= s.LastSeq
}
