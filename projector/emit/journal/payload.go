package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// LeastPayload is how large a message the server must take: an event with one
// conversation of the longest ids is smaller than that, however it is written.
const LeastPayload = 32 << 10

// ErrPayload is returned by Open if the server or the event stream takes no
// message of LeastPayload bytes.
var ErrPayload = errors.New("events need larger messages")

// payload returns how large a message the server and the event stream take.
func payload(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream) (func() int64, error) {
	conn := js.Conn()
	most := int64(stream.CachedInfo().Config.MaxMsgSize)
	if most > 0 && most < LeastPayload {
		return nil, fmt.Errorf("%w: stream %s takes messages of %d bytes at most; set it to %d or more with \"nats stream edit --max-msg-size\"",
			ErrPayload, stream.CachedInfo().Config.Name, most, LeastPayload)
	}
	limit := func() int64 {
		if n := conn.MaxPayload(); most <= 0 || n < most {
			return n
		}
		return most
	}
	// A connection that is being made again does not know.
	if err := conn.FlushWithContext(ctx); err != nil {
		return nil, fmt.Errorf("ask the server how large a message may be: %w", err)
	}
	if n := conn.MaxPayload(); n < LeastPayload {
		return nil, fmt.Errorf("%w: the server takes messages of %d bytes at most; set max_payload to %d or more in its configuration",
			ErrPayload, n, LeastPayload)
	}
	return limit, nil
}
