package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// told is the badge that an endpoint was told last of a user.
type told struct {
	Badge   uint64     `json:"badge"`
	Version events.Seq `json:"version"`
}

// maxRemembered is how many users' badges are in memory, per endpoint; the stream has
// those of more.
const maxRemembered = 1 << 16

// memory is what an endpoint was told last of each user: in a stream, since a restart
// must not make a badge that fell look like one that rose, with what was asked for last
// in memory. Of a user who is not there nobody knows what was told.
type memory struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	subject string // what the subjects of users begin with

	mu       sync.Mutex
	now, old map[string]known // two generations: what is in neither was not asked for lately
}

type known struct {
	told
	is bool
}

func newMemory(js jetstream.JetStream, stream jetstream.Stream, subject string) *memory {
	return &memory{js: js, stream: stream, subject: subject, now: map[string]known{}}
}

// load finds what was told of a user, and keeps it in memory.
func (m *memory) load(ctx context.Context, user string) error {
	if _, ok := m.peek(user); ok {
		return nil
	}
	msg, err := m.stream.GetLastMsgForSubject(ctx, m.subject+events.EscapeToken(user))
	var k known
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
	case err != nil:
		return fmt.Errorf("read what was told of a user: %w", err)
	default:
		k.is = json.Unmarshal(msg.Data, &k.told) == nil
	}
	m.keep(user, k)
	return nil
}

// peek is what is in memory of a user; ok: something is, were it that nothing is known.
func (m *memory) peek(user string) (k known, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok = m.now[user]; !ok {
		k, ok = m.old[user]
	}
	return k, ok
}

func (m *memory) keep(user string, k known) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.now) >= maxRemembered {
		m.now, m.old = map[string]known{}, m.now
	}
	m.now[user] = k
}

// store stores what is told of a user.
func (m *memory) store(ctx context.Context, user string, t told) error {
	m.keep(user, known{t, true})
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = m.js.Publish(ctx, m.subject+events.EscapeToken(user), data)
	if err != nil {
		return fmt.Errorf("store what was told of a user: %w", err)
	}
	return nil
}
