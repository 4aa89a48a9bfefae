package log

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
	"reddot/projector/store"
)

// Find opens the command stream, which must be there and configured as a
// log must be.
func Find(ctx context.Context, js jetstream.JetStream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	stream, err := openStream(ctx, js, s)
	if err != nil {
		return nil, err
	}
	return logIn(js, stream, s, logger)
}

func logIn(js jetstream.JetStream, stream jetstream.Stream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	return New(inJetStream{stream, pull.New(js, s.CommandStream())}, s, logger)
}

func openStream(ctx context.Context, js jetstream.JetStream, s events.Subjects) (jetstream.Stream, error) {
	stream, err := manage(ctx, js, s, "STREAM.INFO.", func(ctx context.Context) (jetstream.Stream, error) {
		return js.Stream(ctx, s.CommandStream())
	})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", s.CommandStream(), err)
	}
	return stream, nil
}

// New is Find for a stream that is there.
func New(stream Stream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	info := stream.CachedInfo()
	return &Log{
		stream: stream, subjects: s, logger: logger,
		identity: identityOf(info), cut: info.Config.Metadata[metadataCut], created: info.Created,
	}, checkStream(s, info.Config)
}

// Config says which log Ensure opens or creates.
type Config struct {
	Subjects events.Subjects
	Replicas int // of a stream that has to be made; 0: 1
	Logger   *slog.Logger
	Files    Files // of the stream, in this process; nil: none

	// Derived inspects the store that is derived from the log, and says where it is;
	// the zero store.Info if there is none that can be read.
	Derived func() (info store.Info, dir string, err error)
}

// Ensure is Find, but creates the stream if it is not there and no store is derived
// from it. The log has that store's identity if the stream holds its commands, see
// Recognise.
func Ensure(ctx context.Context, js jetstream.JetStream, cfg Config) (*Log, error) {
	return pull.Ensure(ctx, func(ctx context.Context) (*Log, error) {
		stream, err := openStream(ctx, js, cfg.Subjects)
		switch {
		case err == nil:
			return adopt(ctx, js, stream, cfg)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return create(ctx, js, cfg)
		}
		return nil, err
	})
}

// adopt is the log in a stream that is there.
func adopt(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream, cfg Config) (*Log, error) {
	stream, err := bound(ctx, js, stream, cfg.Subjects, cfg.Logger)
	if err != nil {
		return nil, err
	}
	l, err := cfg.logIn(js, stream)
	if err != nil {
		return nil, err
	}
	info, _, err := cfg.Derived()
	if err != nil {
		return nil, err
	}
	return l, l.Recognise(ctx, info)
}

func create(ctx context.Context, js jetstream.JetStream, cfg Config) (*Log, error) {
	s := cfg.Subjects
	info, dir, err := cfg.Derived()
	if err != nil {
		return nil, err
	}
	if info.Identity.Name == s.CommandStream() {
		return nil, fmt.Errorf("%w: stream %s, of which the store in %s was made, is gone; restore it, or start with an empty data folder",
			ErrNotWhole, s.CommandStream(), dir)
	}
	stream, err := manage(ctx, js, s, "STREAM.CREATE.", func(ctx context.Context) (jetstream.Stream, error) {
		return js.CreateStream(ctx, commandStream(s, cfg.Replicas))
	})
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", s.CommandStream(), err)
	}
	return cfg.logIn(js, stream)
}

func (cfg *Config) logIn(js jetstream.JetStream, stream jetstream.Stream) (*Log, error) {
	l, err := logIn(js, stream, cfg.Subjects, cfg.Logger)
	if err == nil {
		l.files, l.far = cfg.Files, far
	}
	return l, err
}

// bound bounds the messages of a stream that an older reddot has made. Larger
// ones that it holds are read all the same.
func bound(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream, s events.Subjects, logger *slog.Logger) (jetstream.Stream, error) {
	c := stream.CachedInfo().Config
	if !unbounded(c) {
		return stream, nil
	}
	c.MaxMsgSize = maxMessage
	stream, err := manage(ctx, js, s, "STREAM.UPDATE.", func(ctx context.Context) (jetstream.Stream, error) {
		return js.UpdateStream(ctx, c)
	})
	if err != nil {
		return nil, fmt.Errorf("bound the messages of stream %s, as \"nats stream edit %s --max-msg-size=%d\" does: %w",
			c.Name, c.Name, maxMessage, err)
	}
	logger.Info("the command stream takes no larger messages any more", "stream", c.Name, "max_msg_size", maxMessage)
	return stream, nil
}
