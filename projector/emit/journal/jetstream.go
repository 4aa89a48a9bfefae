package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
)

// Duplicates is how long the server remembers message ids, some hundred bytes
// of memory for each. A message that is sent again later than that is refused,
// as its place is taken, and then found to be stored.
const Duplicates = time.Second

// Stream bounds, if StreamConfig leaves them zero.
const (
	DefaultMaxAge   = 24 * time.Hour
	DefaultMaxBytes = 1 << 30
)

// What the event stream's metadata has: the identity of the command stream whose
// seqs its events carry, and the Key of its events. Who may read the stream's
// configuration has the key, and no one else.
const (
	metadataLog = "reddot-log"
	metadataKey = "reddot-key"
)

// ErrForeign is returned by Open for an event stream that belongs to another
// command stream, whose seqs mean nothing here.
var ErrForeign = errors.New("the event stream tells of another command stream")

// StreamConfig configures the event stream in JetStream.
type StreamConfig struct {
	JetStream jetstream.JetStream
	Subjects  events.Subjects
	Log       string        // identity of the command stream
	MaxAge    time.Duration // of stored events; DefaultMaxAge if zero
	MaxBytes  int64         // of stored events; DefaultMaxBytes if zero
	Replicas  int           // of a stream that has to be made; 0: 1
}

// Open opens or creates the event stream. It returns how large a message may be,
// headers included, which may change while it is open. Errors: ErrForeign, ErrKey,
// ErrPayload.
func Open(ctx context.Context, cfg StreamConfig) (Stream, func() int64, error) {
	s, err := ensureStream(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	limit, err := payload(ctx, cfg.JetStream, s.stream)
	if err != nil {
		return nil, nil, err
	}
	return s, limit, nil
}

// streamed is the event stream in JetStream. It implements Stream.
type streamed struct {
	js       jetstream.JetStream
	stream   jetstream.Stream
	messages *pull.Stream // the same stream, read as package pull does
}

// ensureStream creates the event stream or sets what a writer needs of it;
// the rest (replicas, placement, compression) is the operator's. Its messages
// are republished to the subjects that listeners know once they are stored. The
// stream that stays of two that are created at the same time has one key.
func ensureStream(ctx context.Context, cfg StreamConfig) (streamed, error) {
	name := cfg.Subjects.EventStream()
	stream, err := pull.Ensure(ctx, func(ctx context.Context) (jetstream.Stream, error) {
		stream, err := cfg.JetStream.Stream(ctx, name)
		switch {
		case err == nil:
			return cfg.update(ctx, stream)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return cfg.create(ctx)
		}
		return nil, err
	})
	if err != nil {
		return streamed{}, fmt.Errorf("open stream %s: %w", name, err)
	}
	return streamed{cfg.JetStream, stream, pull.New(cfg.JetStream, name)}, nil
}

// create makes the event stream, with a new key.
func (cfg StreamConfig) create(ctx context.Context) (jetstream.Stream, error) {
	config := jetstream.StreamConfig{
		Name:        cfg.Subjects.EventStream(),
		Description: "reddot: change events, read receipts and refusals, derived from the commands",
		Metadata:    map[string]string{metadataLog: cfg.Log, metadataKey: newKey(1).String()},
		Replicas:    cfg.Replicas,
	}
	cfg.configure(&config)
	return cfg.JetStream.CreateStream(ctx, config)
}

// update sets what a writer needs, and makes a key for a stream without one:
// what is in it was stored by an older reddot. Where two do so at a time, both go
// on with the key that stays. A stream that has all that is left alone, so that
// nothing is undone that an operator changes meanwhile.
func (cfg StreamConfig) update(ctx context.Context, stream jetstream.Stream) (jetstream.Stream, error) {
	info := stream.CachedInfo()
	config := info.Config
	if log := config.Metadata[metadataLog]; log != cfg.Log {
		return nil, fmt.Errorf("%w: it is of %q, the commands are those of %q; delete it with \"nats stream rm %s\" to begin anew",
			ErrForeign, log, cfg.Log, config.Name)
	}
	config.Metadata = maps.Clone(config.Metadata)
	if text, found := config.Metadata[metadataKey]; !found {
		config.Metadata[metadataKey] = newKey(info.State.LastSeq + 1).String()
	} else if _, err := parseKey(text); err != nil {
		return nil, err
	}
	cfg.configure(&config)
	if reflect.DeepEqual(config, info.Config) {
		return stream, nil
	}
	return cfg.JetStream.UpdateStream(ctx, config)
}

// configure sets what a writer needs.
func (cfg StreamConfig) configure(c *jetstream.StreamConfig) {
	out := cfg.Subjects.Prefix() + "-out"
	c.Subjects = []string{out + ".>"}
	c.Retention = jetstream.LimitsPolicy
	c.Storage = jetstream.FileStorage
	c.Discard = jetstream.DiscardOld
	c.MaxAge, c.MaxBytes, c.MaxMsgs = cfg.MaxAge, cfg.MaxBytes, -1
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	c.AllowRollup = false // with which one message removes all others
	c.Duplicates = Duplicates
	c.RePublish = &jetstream.RePublish{Source: out + ".*.>", Destination: cfg.Subjects.Prefix() + ".>"}
}

// Append implements Stream. The client's own retries could change the order.
func (s streamed) Append(msg *nats.Msg) (Future, error) {
	future, err := s.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(0), jetstream.WithStallWait(AckTimeout))
	if errors.Is(err, nats.ErrMaxPayload) {
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return future, err
}

// Tail implements Stream.
func (s streamed) Tail(ctx context.Context) (end End, err error) {
	info, err := s.stream.Info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return End{}, fmt.Errorf("read the end of the event stream: %w", err)
	}
	if text, found := info.Config.Metadata[metadataKey]; found {
		if end.Key, err = parseKey(text); err != nil {
			return End{}, err
		}
	}
	if end.Last = info.State.LastSeq; end.Last == 0 || info.State.Msgs == 0 {
		return end, nil
	}
	raw, err := s.messages.Get(ctx, end.Last)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return end, nil // gone by age
	}
	if err != nil {
		return End{}, fmt.Errorf("read the last message of the event stream: %w", err)
	}
	end.Msg = &nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data}
	return end, nil
}

// Read implements Stream. What is read may leave the stream meanwhile, the last
// message too.
func (s streamed) Read(ctx context.Context, from, upto uint64, fn func(uint64, *nats.Msg) error) error {
	err := s.messages.Read(ctx, pull.Options{From: from, Upto: upto}, func(m *pull.Message) error {
		if err := fn(m.Seq, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err != nil {
			return fmt.Errorf("event %d: %w", m.Seq, err)
		}
		return nil
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}
