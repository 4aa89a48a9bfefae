package log

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/log/pull"
)

// Stream is the command stream as a Log needs it; FindLog uses one in JetStream.
type Stream interface {
	// CachedInfo is what the last Info answered, or the opening.
	CachedInfo() *jetstream.StreamInfo
	Info(context.Context, ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error)
	Purge(context.Context, ...jetstream.StreamPurgeOpt) error

	// GetMsg returns one message, past any cache: jetstream.ErrMsgNotFound if it
	// is not there or can't be read.
	GetMsg(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error)

	// Read calls fn with messages, see pull.Stream.
	Read(ctx context.Context, o pull.Options, fn func(*pull.Message) error) error

	// Remove removes a consumer that an earlier Read has left behind.
	Remove(ctx context.Context, consumer string) error

	// Consumers is how many consumers Read has at the server for sure; changes says
	// whether that is another number than before, or other ones.
	Consumers() (n int, changes uint64)
}

// inJetStream is a Stream. Its messages are not read as the library does it, see
// package pull.
type inJetStream struct {
	library
	messages *pull.Stream
}

// library is what is left to the client library.
type library interface {
	CachedInfo() *jetstream.StreamInfo
	Info(context.Context, ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error)
	Purge(context.Context, ...jetstream.StreamPurgeOpt) error
}

// GetMsg implements Stream.
func (s inJetStream) GetMsg(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	return s.messages.Get(ctx, seq)
}

// Read implements Stream.
func (s inJetStream) Read(ctx context.Context, o pull.Options, fn func(*pull.Message) error) error {
	return s.messages.Read(ctx, o, fn)
}

// Remove implements Stream.
func (s inJetStream) Remove(ctx context.Context, consumer string) error {
	return s.messages.Remove(ctx, consumer)
}

// Consumers implements Stream.
func (s inJetStream) Consumers() (n int, changes uint64) { return s.messages.Consumers() }

// Info implements Stream.
func (s inJetStream) Info(ctx context.Context, options ...jetstream.StreamInfoOpt) (info *jetstream.StreamInfo, err error) {
	err = s.messages.Ask(ctx, "STREAM.INFO."+s.name(), func(ctx context.Context) (err error) {
		info, err = s.library.Info(ctx, options...)
		return err
	})
	return info, err
}

// Purge implements Stream.
func (s inJetStream) Purge(ctx context.Context, options ...jetstream.StreamPurgeOpt) error {
	return s.messages.Ask(ctx, "STREAM.PURGE."+s.name(), func(ctx context.Context) error { return s.library.Purge(ctx, options...) })
}

func (s inJetStream) name() string { return s.CachedInfo().Config.Name }

// manage opens, makes or changes the command stream by one request.
func manage(ctx context.Context, js jetstream.JetStream, s events.Subjects, request string,
	do func(context.Context) (jetstream.Stream, error),
) (stream jetstream.Stream, err error) {
	name := s.CommandStream()
	err = pull.New(js, name).Ask(ctx, request+name, func(ctx context.Context) (err error) {
		stream, err = do(ctx)
		return err
	})
	return stream, err
}
