package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// position is how far an endpoint has come in the event stream: all up to there is told,
// or need not be. The server's own account of it does not tell what was lost: it passes
// over what has left the stream.
type position struct {
	Seq    uint64    `json:"seq"`
	Stream time.Time `json:"stream"` // when the stream was made
}

// positionEvery is how often it is written down. A crash loses so much of it, and then an
// endpoint may be told of a loss that was none, if events are kept no longer than that.
const positionEvery = 5 * time.Second

func (n names) position(endpoint string) string { return n.state() + ".seen." + endpoint }

// lostBefore reads the position, and returns up to where events have left the stream that
// come after it; 0: none have.
func (e *endpoint) lostBefore(ctx context.Context, state jetstream.Stream, events *jetstream.StreamInfo) (upto uint64, err error) {
	msg, err := state.GetLastMsgForSubject(ctx, e.hooks.names.position(e.cfg.Name))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound): // it is new
		return 0, nil
	case err != nil:
		return 0, err
	}
	var at position
	if err := json.Unmarshal(msg.Data, &at); err != nil {
		return 0, nil // written anew in a moment
	}
	first := events.State.FirstSeq
	if !at.Stream.Equal(events.Created) || first > at.Seq+1 {
		return max(first, 1) - 1, nil
	}
	return 0, nil
}

// keepPosition writes down the position, if it is another one.
func (e *endpoint) keepPosition(now time.Time) {
	at := e.received
	for place := range e.origins {
		at = min(at, place-1)
	}
	if at == e.keptAt || at == 0 {
		return
	}
	data, err := json.Marshal(position{at, e.made})
	if err == nil && e.hooks.cfg.Conn.Publish(e.hooks.names.position(e.cfg.Name), data) == nil {
		e.keptAt, e.kept = at, now
	}
}
