package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/stream"
	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/log/pull"
)

// feedBatch is how many events of a feed are on their way from the NATS server at most,
// twice.
const feedBatch = 256

// journalOf is the event stream as feeds read it. It implements stream.Journal.
type journalOf struct {
	js       jetstream.JetStream
	subjects events.Subjects
}

// Ends implements stream.Journal.
func (j *journalOf) Ends(ctx context.Context) (first, last uint64, err error) {
	s, err := j.js.Stream(ctx, j.subjects.EventStream())
	if err != nil {
		return 0, 0, fmt.Errorf("look at the event stream: %w", err)
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return state.LastSeq + 1, state.LastSeq, nil
	}
	return state.FirstSeq, state.LastSeq, nil
}

// Follow implements stream.Journal. Places that others have written to are empty.
func (j *journalOf) Follow(ctx context.Context, from uint64, fn func(stream.Entry) error) error {
	genuine, err := journal.Genuine(ctx, j.js, j.subjects)
	if err != nil {
		return err
	}
	var denied error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = pull.New(j.js, j.subjects.EventStream()).Read(ctx, pull.Options{From: from, Batch: feedBatch, Lost: func(err error) {
		if _, ok := errors.AsType[*pull.PermissionError](err); ok {
			denied = err
			cancel()
		}
	}}, func(m *pull.Message) error {
		e := stream.Entry{Seq: m.Seq}
		if msg := (&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); len(m.Data) > 0 && genuine(m.Seq, msg) {
			e.Subject = j.behind(m.Subject)
			e.Type, e.More, e.Data = msg.Header.Get(events.HeaderContentType), msg.Header.Get(events.HeaderMore) != "", m.Data
		}
		return fn(e)
	})
	if denied != nil {
		return denied
	}
	return err
}

// behind is what a stored event's subject has behind the prefix and the partition.
func (j *journalOf) behind(subject string) string {
	rest, _ := strings.CutPrefix(subject, j.subjects.Prefix()+"-out.")
	_, rest, _ = strings.Cut(rest, ".")
	return rest
}
