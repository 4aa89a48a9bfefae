package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
)

// Newest says which state the newest stored event shows.
type Newest struct {
	Place uint64     // sequence of the event in its stream
	At    events.Seq // 0: no event is stored
	Sum   uint64     // store.Entry.Sum of the command at At; 0: not known
	Time  time.Time  // at which the stream took the event in
}

// FindNewest reads the end of the event stream of a command stream,
// named as StreamConfig.Log names it. Where there is none, nothing is stored. Foreign
// messages say nothing.
func FindNewest(ctx context.Context, js jetstream.JetStream, s events.Subjects, log string) (Newest, error) {
	stream, err := js.Stream(ctx, s.EventStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Newest{}, nil
	}
	if err != nil {
		return Newest{}, fmt.Errorf("open stream %s: %w", s.EventStream(), err)
	}
	metadata := stream.CachedInfo().Config.Metadata
	if metadata[metadataLog] != log {
		return Newest{}, nil // Open says so
	}
	messages := pull.New(js, s.EventStream())
	ends := lookout{stream: streamed{js, stream, messages}, log: log, foreign: &foreign{log: slog.New(slog.DiscardHandler)}} // a Journal says so
	if _, found := metadata[metadataKey]; !found {
		ends.sealer = newSealer(unsealed(), log)
	}
	t, err := ends.look(ctx)
	if err != nil || !t.Said.Known() {
		return Newest{}, err
	}
	msg, err := messages.Get(ctx, t.Said.Place) // for its time
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Newest{}, nil // gone by age
	}
	if err != nil {
		return Newest{}, fmt.Errorf("read the last event: %w", err)
	}
	return Newest{Place: t.Said.Place, At: t.Said.At, Sum: Number(ends.said.msg.Header, HeaderSum), Time: msg.Time}, nil
}

// Genuine returns what distinguishes the events of an event stream from foreign messages,
// given their sequences: for one goroutine of a reader who may read the stream's
// configuration.
func Genuine(ctx context.Context, js jetstream.JetStream, s events.Subjects) (func(seq uint64, msg *nats.Msg) bool, error) {
	stream, err := js.Stream(ctx, s.EventStream())
	if err != nil {
		return nil, fmt.Errorf("read the key of stream %s: %w", s.EventStream(), err)
	}
	metadata, key := stream.CachedInfo().Config.Metadata, unsealed()
	if text, found := metadata[metadataKey]; found {
		if key, err = parseKey(text); err != nil {
			return nil, err
		}
	}
	return newSealer(key, metadata[metadataLog]).genuine, nil
}

// Forget removes all stored events: what they show is gone. The sequence of the
// event stream goes on, and an emitter emits once more what is after the position that
// its store knows to be emitted.
func Forget(ctx context.Context, js jetstream.JetStream, s events.Subjects) error {
	stream, err := js.Stream(ctx, s.EventStream())
	if err == nil {
		err = stream.Purge(ctx)
	}
	if err != nil {
		return fmt.Errorf("remove the events in %s: %w", s.EventStream(), err)
	}
	return nil
}
