package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
	"reddot/projector/store"
	"reddot/projector/store/generation"
)

// FindLog opens the command stream, which must be there and configured as a
// log must be.
func FindLog(ctx context.Context, js jetstream.JetStream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	stream, err := openStream(ctx, js, s)
	if err != nil {
		return nil, err
	}
	return logIn(js, stream, s, logger)
}

func logIn(js jetstream.JetStream, stream jetstream.Stream, s events.Subjects, logger *slog.Logger) (*Log, error) {
	return NewLog(inJetStream{stream, pull.New(js, s.CommandStream())}, s, logger)
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

// ensureLog is FindLog, but creates the stream if it is not there, and no store
// in the projector's folder was made of it.
func ensureLog(ctx context.Context, js jetstream.JetStream, cfg Config) (*Log, error) {
	return pull.Ensure(ctx, func(ctx context.Context) (*Log, error) {
		stream, err := openStream(ctx, js, cfg.Subjects)
		switch {
		case err == nil:
			return adopt(ctx, js, stream, cfg)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return createLog(ctx, js, cfg)
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
	log, err := logIn(js, stream, cfg.Subjects, cfg.Logger)
	if err != nil {
		return nil, err
	}
	return log, log.recognise(ctx, cfg.Dir)
}

func createLog(ctx context.Context, js jetstream.JetStream, cfg Config) (*Log, error) {
	s := cfg.Subjects
	info, err := inspectCurrent(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if info.Identity.Name == s.CommandStream() {
		return nil, fmt.Errorf("%w: stream %s, of which the store in %s was made, is gone; restore it, or start with an empty data folder",
			ErrLog, s.CommandStream(), cfg.Dir)
	}
	stream, err := manage(ctx, js, s, "STREAM.CREATE.", func(ctx context.Context) (jetstream.Stream, error) {
		return js.CreateStream(ctx, commandStream(s, cfg.Replicas))
	})
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", s.CommandStream(), err)
	}
	return logIn(js, stream, s, cfg.Logger)
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

// inspectCurrent inspects the current store of a folder; zero if there is none
// that can be read.
func inspectCurrent(dir string) (store.Info, error) {
	folder, err := generation.Open(nil, dir)
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
