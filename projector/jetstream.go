package projector

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/pull"
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

// explain says which permission is missing, if that is why the command stream
// could not be asked for.
func explain(js jetstream.JetStream, s events.Subjects, err error) error {
	return pull.New(js, s.CommandStream()).Explain(err, "STREAM.INFO."+s.CommandStream())
}
